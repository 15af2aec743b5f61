"""Sentences of the stages as they are printed: they write hyphens and exponents as a keyboard does."""

from __future__ import annotations

import re
from typing import Final

from remnant.report.numbers import MINUS, power_of_ten

__all__ = ["as_printed"]

_HYPHEN: Final = re.compile(r"(?<![^\s(])-(?=\d)")
_POWER: Final = re.compile(r"(?<![\w.])(\d(?:\.\d+)?)e([+-]\d{2,3})(?!\w)")


def as_printed(text: str) -> str:
    """Sentence of a stage as it is printed: negative numbers with a minus sign, powers of ten written out.

    Parameters
    ----------
    text : str
        Any text; ranges, dates and codes keep their hyphens.

    Returns
    -------
    str
        As it is printed.

    Examples
    --------
    >>> as_printed("Change -0.90 log10 (-1.69 to +0.11), S-014, 2020-01-02, 3-5 %")
    'Change −0.90 log10 (−1.69 to +0.11), S-014, 2020-01-02, 3-5 %'
    >>> as_printed("P = 4.3e-07, 1e-15; 6.4e+05 cells")
    'P = 4.3 × 10⁻⁷, 10⁻¹⁵; 6.4 × 10⁵ cells'
    """
    return _POWER.sub(_power, _HYPHEN.sub(MINUS, text))


def _power(found: re.Match[str]) -> str:
    power = power_of_ten(int(found[2]))
    return power if found[1] == "1" else f"{found[1]} × {power}"
