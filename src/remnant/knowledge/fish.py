"""Signal patterns by probe and breakpoint, error rates by pattern and preparation, thresholds of FISH."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

from remnant.errors import KnowledgeError
from remnant.knowledge.tables import rows, version

__all__ = [
    "Rate",
    "false_negative_rate",
    "false_positive_rate",
    "fish_row",
    "fish_version",
    "known_pattern",
    "pattern_class",
    "positive_patterns",
    "probes",
]


class Rate(NamedTuple):
    """An error rate and what it rests on.

    Attributes
    ----------
    rate : float
        A nucleus.
    nuclei : float
        Control nuclei.
    source, status : str
        Where it is from; ``"verified"`` or ``"unverified"``.
    """

    rate: float
    nuclei: float
    source: str
    status: str


@functools.cache
def _fish() -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows("fish")}


def fish_version() -> str:
    """Version of the table of rates and thresholds.

    Returns
    -------
    str
        For example ``"2026.1"``.
    """
    return version("fish")


def fish_row(name: str) -> Mapping[str, Any]:
    """Row of the table of rates and thresholds.

    Parameters
    ----------
    name : str
        Its id.

    Returns
    -------
    mapping
        The row as written.

    Examples
    --------
    >>> fish_row("rule")["value"]
    0.05
    """
    return _fish()[name]


@functools.cache
def probes() -> tuple[str, ...]:
    """Probes whose patterns are known.

    Returns
    -------
    tuple of str
        Names.
    """
    return tuple(dict.fromkeys(row["probe"] for row in rows("probes")))


@functools.cache
def _patterns(probe: str, breakpoint_: str) -> dict[str, str]:
    classes: dict[str, str] = {}
    for row in rows("probes"):
        if row["probe"] == probe and row["breakpoint"] in {"any", breakpoint_}:
            classes.update(dict.fromkeys(row["patterns"], row["class"]))
    return classes


def known_pattern(probe: str, pattern: str) -> bool:
    """Whether a pattern has a meaning with a probe, for any breakpoint.

    Parameters
    ----------
    probe, pattern : str
        For example ``"BCR-ABL1 D-FISH"`` and ``"1R1G2F"``.

    Returns
    -------
    bool
        False for an unknown probe too.
    """
    return any(row["probe"] == probe and pattern in row["patterns"] for row in rows("probes"))


def pattern_class(probe: str, pattern: str, *, breakpoint_: str) -> str:
    """What a pattern means with a probe and a breakpoint.

    Parameters
    ----------
    probe, pattern : str
        For example ``"BCR-ABL1 ES"`` and ``"2R1G1F"``.
    breakpoint_ : str
        ``"P190"``, ``"P210"``, or empty if unknown.

    Returns
    -------
    str
        ``"normal"``, ``"two-fusion"``, ``"one-fusion"`` or ``"other"``; a pattern of another breakpoint is
        ``"other"``.

    Raises
    ------
    KnowledgeError
        If the probe does not know the pattern.

    Examples
    --------
    >>> pattern_class("BCR-ABL1 ES", "2R1G1F", breakpoint_="P210")
    'two-fusion'
    >>> pattern_class("BCR-ABL1 ES", "2R1G1F", breakpoint_="P190")
    'other'
    """
    if not known_pattern(probe, pattern):
        raise KnowledgeError(
            where=f"probe {probe}",
            found=f"pattern {pattern!r}",
            needed=", ".join(
                pattern for row in rows("probes") if row["probe"] == probe for pattern in row["patterns"]
            )
            or "one of " + ", ".join(probes()),
            advice="Correct the pattern, or add it to knowledge/probes.toml with its meaning.",
        )
    return _patterns(probe, breakpoint_).get(pattern, "other")


def positive_patterns(probe: str, *, breakpoint_: str, of: str = "two-fusion") -> tuple[str, ...]:
    """Patterns of one class for a breakpoint.

    Parameters
    ----------
    probe : str
        Probe.
    breakpoint_ : str
        ``"P190"``, ``"P210"``, or empty if unknown.
    of : str, default "two-fusion"
        Class.

    Returns
    -------
    tuple of str
        Patterns in the order of the table.

    Examples
    --------
    >>> positive_patterns("BCR-ABL1 ES", breakpoint_="P190")
    ('1R1G2F',)
    """
    return tuple(name for name, kind in _patterns(probe, breakpoint_).items() if kind == of)


def false_positive_rate(pattern_kind: str, preparation: str) -> Rate | None:
    """Published or assumed rate of a pattern class in a preparation.

    Parameters
    ----------
    pattern_kind : str
        ``"two-fusion"`` or ``"one-fusion"``.
    preparation : str
        For example ``"sorted cytospin"``.

    Returns
    -------
    Rate or None
        None if no row holds: then nothing is called unless the user gives a rate.
    """
    for name in (preparation, "any"):
        row = _fish().get(f"false_positive.{pattern_kind}.{name}")
        if row is not None:
            return Rate(row["rate"], row["nuclei"], row["source"], row["status"])
    return None


def false_negative_rate() -> Rate:
    """Assumed rate of missed nuclei.

    Returns
    -------
    Rate
        The row.
    """
    row = _fish()["false_negative"]
    return Rate(row["rate"], row["nuclei"], row["source"], row["status"])
