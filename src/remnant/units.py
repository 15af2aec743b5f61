"""Units of a normalised copy number, and the one place that converts them.

A ratio of target to control copies is written as a plain ratio, in percent, per 10^4 or per 10^5
control copies. 250 per 10^4 = 2.5 % = 2500 per 10^5 = 0.025. The International Scale (``%IS``) needs a
laboratory's conversion factor, passed in by the caller; nothing here looks one up.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from remnant.errors import UnitError

__all__ = [
    "UNITS",
    "Unit",
    "change_text",
    "convert",
    "days_text",
    "factor_to_ratio",
    "is_comparable",
    "number_text",
    "p_value_text",
    "parse_unit",
    "probability_text",
    "saturated_ratio_text",
    "unit_label",
]

Unit = Literal[
    "ratio",
    "percent",
    "per_1e4",
    "per_1e5",
    "percent_is",
    "cell_fraction",
    "read_fraction",
    "copies",
    "copies_per_ul",
]
UNITS: Final[tuple[str, ...]] = get_args(Unit)

_PER_RATIO: Final[dict[str, float]] = {"ratio": 1.0, "percent": 1e2, "per_1e4": 1e4, "per_1e5": 1e5}
_SPELLINGS: Final[dict[str, Unit]] = {
    "ratio": "ratio",
    "ncn": "ratio",
    "percent": "percent",
    "%": "percent",
    "per_1e4": "per_1e4",
    "per 10^4": "per_1e4",
    "/10^4": "per_1e4",
    "per 1e4": "per_1e4",
    "per 10000": "per_1e4",
    "per_1e5": "per_1e5",
    "per 10^5": "per_1e5",
    "/10^5": "per_1e5",
    "per 1e5": "per_1e5",
    "per 100000": "per_1e5",
    "percent_is": "percent_is",
    "%is": "percent_is",
    "% is": "percent_is",
    "cell_fraction": "cell_fraction",
    "read_fraction": "read_fraction",
    "copies": "copies",
    "cop": "copies",
    "copies_per_ul": "copies_per_ul",
    "copies/ul": "copies_per_ul",
    "copies/µl": "copies_per_ul",
}
_WHOLE_DAYS_FROM: Final = 10.0
_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_ROUNDING_POWER: Final = -15  # below it the exact tail of a test is lost in rounding
_PLAIN_FROM: Final = 1e-3
_LABELS: Final[dict[str, str]] = {
    "ratio": "ratio",
    "percent": "%",
    "per_1e4": "per 10⁴",
    "per_1e5": "per 10⁵",
    "percent_is": "% IS",
    "cell_fraction": "of cells",
    "read_fraction": "of reads",
    "copies": "copies",
    "copies_per_ul": "copies/µl",
}


def parse_unit(text: str, *, where: str = "unit") -> Unit:
    """Read a unit as laboratories write it.

    Parameters
    ----------
    text : str
        For example ``"%"``, ``"per 10^4"``, ``"copies"``.
    where : str, default "unit"
        What to name in the error message.

    Returns
    -------
    Unit
        The canonical name.

    Raises
    ------
    UnitError
        If the text is empty or unknown; a value without a unit is refused, never guessed.

    Examples
    --------
    >>> parse_unit("per 10^4")
    'per_1e4'
    """
    key = " ".join(text.strip().lower().split())
    if key not in _SPELLINGS:
        raise UnitError(
            where=where,
            found=repr(text) if text.strip() else "no unit",
            needed="one of " + ", ".join(UNITS),
            advice="Write the unit beside the value; it is never guessed.",
        )
    return _SPELLINGS[key]


def factor_to_ratio(unit: str, *, conversion_factor: float | None = None) -> float:
    """Number by which a value in `unit` is divided to give a plain ratio.

    Parameters
    ----------
    unit : str
        Canonical unit name.
    conversion_factor : float or None, default None
        The laboratory's factor to the International Scale, for ``percent_is`` only.

    Returns
    -------
    float
        For example 10 000 for ``per_1e4``.

    Raises
    ------
    UnitError
        If the unit is not a ratio of copies, or ``percent_is`` comes without its factor.

    Examples
    --------
    >>> factor_to_ratio("percent")
    100.0
    """
    if unit == "percent_is":
        if conversion_factor is None:
            raise UnitError(
                where="percent_is",
                found="no conversion factor",
                needed="the laboratory's factor of that date",
                advice="Enter it with its validity dates.",
            )
        return 100.0 * conversion_factor
    if unit not in _PER_RATIO:
        raise UnitError(
            where="unit",
            found=repr(unit),
            needed="a ratio of target to control copies: " + ", ".join(_PER_RATIO),
            advice="Copies and cell fractions are other quantities and do not convert.",
        )
    return _PER_RATIO[unit]


def convert(value: float, source: str, target: str, *, conversion_factor: float | None = None) -> float:
    """Express a normalised copy number in another unit.

    Parameters
    ----------
    value : float
        Value in `source`.
    source, target : str
        Canonical unit names.
    conversion_factor : float or None, default None
        Factor to the International Scale, if either unit is ``percent_is``.

    Returns
    -------
    float
        The same quantity in `target`.

    Raises
    ------
    UnitError
        If the two units measure different quantities.

    Examples
    --------
    >>> convert(250.0, "per_1e4", "percent"), convert(250.0, "per_1e4", "per_1e5")
    (2.5, 2500.0)
    """
    if source == target:
        return value
    scale = factor_to_ratio(target, conversion_factor=conversion_factor) / factor_to_ratio(
        source, conversion_factor=conversion_factor
    )
    return value * scale


def is_comparable(one: str, other: str) -> bool:
    """Whether a value in one unit can be expressed in another without a conversion factor.

    Parameters
    ----------
    one, other : str
        Canonical unit names.

    Returns
    -------
    bool
        True for the same unit, and for two ratios of copies.

    Examples
    --------
    >>> is_comparable("per_1e4", "percent"), is_comparable("percent", "percent_is")
    (True, False)
    """
    return one == other or (one in _PER_RATIO and other in _PER_RATIO)


def unit_label(unit: str, *, control: str = "") -> str:
    """Unit as it is printed beside a number.

    Parameters
    ----------
    unit : str
        Canonical unit name.
    control : str, default ""
        Control gene, named after a "per" unit.

    Returns
    -------
    str
        For example ``"per 10⁴ ABL1"``.

    Examples
    --------
    >>> unit_label("per_1e4", control="ABL1")
    'per 10⁴ ABL1'
    """
    label = _LABELS.get(unit, unit)
    return f"{label} {control}".strip() if unit in {"per_1e4", "per_1e5"} else label


def number_text(value: float) -> str:
    """A positive number as it stands in a sentence: three digits, powers of ten written out.

    Parameters
    ----------
    value : float
        The number.

    Returns
    -------
    str
        For example ``"312"``, ``"0.047"``, ``"1.80 × 10⁵"``.

    Examples
    --------
    >>> number_text(31.0), number_text(250.0), number_text(12345.6), number_text(4.2e-5)
    ('31', '250', '12,300', '4.20 × 10⁻⁵')
    """
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return f"{float(f'{value:.3g}'):,g}"


def days_text(days: float) -> str:
    """A doubling or halving time as it stands in a sentence: two digits, halves of a day below ten.

    Parameters
    ----------
    days : float
        Days, 0 or more.

    Returns
    -------
    str
        For example ``"5.5"``, ``"12"``, ``"1,200"``.

    Examples
    --------
    >>> days_text(5.72), days_text(9.9), days_text(40.3), days_text(1234.0)
    ('5.5', '10', '40', '1,200')
    """
    if days < _WHOLE_DAYS_FROM:
        return f"{max(round(2.0 * days), 1) / 2.0:g}"
    return f"{float(f'{days:.2g}'):,.0f}"


def change_text(estimate: float | None, lower: float | None, upper: float | None) -> str:
    """A change in log10 as it stands in a sentence.

    Parameters
    ----------
    estimate : float or None
        None where only a bound of one sample is known.
    lower, upper : float or None
        95 % interval; None where that end is open.

    Returns
    -------
    str
        Estimate and interval, or the one end that is known; empty where none is.

    Examples
    --------
    >>> change_text(1.2, 0.9, 1.5)
    'Change +1.20 log10 (+0.90 to +1.50)'
    >>> change_text(None, 0.9, None), change_text(None, None, -0.4)
    ('Change > +0.90 log10 (one sample is a bound)', 'Change < -0.40 log10 (one sample is a bound)')
    """
    if estimate is not None and lower is not None and upper is not None:
        return f"Change {estimate:+.2f} log10 ({lower:+.2f} to {upper:+.2f})"
    ends = (f"{sign} {end:+.2f}" for sign, end in ((">", lower), ("<", upper)) if end is not None)
    return "".join(f"Change {end} log10 (one sample is a bound)" for end in ends)


def rise_text(
    change: tuple[float | None, float | None, float | None], *, rise: float, rise_1_log: float
) -> str:
    """A change and its probabilities as one sentence.

    Parameters
    ----------
    change : tuple of float or None
        log10 change: estimate, lower, upper.
    rise, rise_1_log : float
        P(change > 0) and P(change > 1); at least, or at most, where one end is open.

    Returns
    -------
    str
        With its full stop.

    Examples
    --------
    >>> rise_text((1.2, 0.9, 1.5), rise=0.9999, rise_1_log=0.9)
    'Change +1.20 log10 (+0.90 to +1.50); P(rise) > 0.99, P(rise of 1 log10) 0.90.'
    >>> rise_text((None, 0.9, None), rise=0.9999, rise_1_log=0.9)
    'Change > +0.90 log10 (one sample is a bound); P(rise) > 0.99, P(rise of 1 log10) at least 0.90.'
    """
    estimate, lower, upper = change
    least, most = estimate is None and upper is None, estimate is None and lower is None

    def said(probability: float) -> str:
        text = probability_text(probability)
        if (least and not text.startswith(">")) or (most and not text.startswith("<")):
            return f"at {'least' if least else 'most'} {probability:.2f}"
        return text

    return f"{change_text(*change)}; P(rise) {said(rise)}, P(rise of 1 log10) {said(rise_1_log)}."


def probability_text(probability: float) -> str:
    """A probability as it stands in a sentence, never 0 or 1.

    Parameters
    ----------
    probability : float
        Between 0 and 1.

    Returns
    -------
    str
        For example ``"0.93"``, ``"> 0.99"``.

    Examples
    --------
    >>> probability_text(0.934), probability_text(0.9999), probability_text(0.0001)
    ('0.93', '> 0.99', '< 0.01')
    """
    if probability >= 0.995:
        return "> 0.99"
    if probability < 0.005:
        return "< 0.01"
    return f"{probability:.2f}"


def saturated_ratio_text(measured: float, unit: str) -> str:
    """What a ratio is where the control gene's primers amplify the target too.

    Parameters
    ----------
    measured : float
        Ratio m as measured, in `unit`.
    unit : str
        Canonical unit name.

    Returns
    -------
    str
        ``r = m / (1 - m)``, since the control counts both: ``m = r / (1 + r)``.

    Examples
    --------
    >>> saturated_ratio_text(50.0, "percent")
    'r = m / (1 - m) = 100 percent'
    """
    plain = measured / factor_to_ratio(unit)
    if not plain < 1.0:
        return "r = m / (1 - m) is not defined at m >= 1"
    return f"r = m / (1 - m) = {plain / (1.0 - plain) * factor_to_ratio(unit):.3g} {unit}"


def p_value_text(p_value: float) -> str:
    """P value of a test as it stands in a sentence: two digits, and a bound where rounding eats the tail.

    Parameters
    ----------
    p_value : float
        Between 0 and 1.

    Returns
    -------
    str
        For example ``"P = 0.032"``, ``"P < 10⁻¹⁵"``.

    Examples
    --------
    >>> p_value_text(0.2), p_value_text(4.31e-7), p_value_text(1e-17)
    ('P = 0.2', 'P = 4.3 × 10⁻⁷', 'P < 10⁻¹⁵')
    """
    if p_value < 10.0**_ROUNDING_POWER:
        return f"P < 10{str(_ROUNDING_POWER).translate(_SUPERSCRIPTS)}"
    if p_value < _PLAIN_FROM:
        mantissa, exponent = f"{p_value:.1e}".split("e")
        return f"P = {mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return f"P = {p_value:.2g}"
