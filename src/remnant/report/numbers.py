"""Numbers and dates as they are printed: the one place that formats them.

``1.8 × 10² (1.2-2.6 × 10²) per 10⁴ ABL1``: the digits follow the width of the interval, the unit stands
beside every number that stands alone, and nothing below detection is ever printed as 0 but as
``< 3.0 × 10⁻⁵``. Percentages are written plainly. Dates are ISO in tables, day and month name in
sentences. The decimal sign is a dot.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Final

from remnant.units import unit_label

if TYPE_CHECKING:
    from remnant.records.measurement import Measurement

__all__ = [
    "comparison",
    "count",
    "day",
    "in_sentence",
    "interval",
    "is_more_than",
    "iso",
    "level",
    "limit",
    "measured",
    "number",
    "p_value",
    "percent",
    "plural",
    "power_of_ten",
    "probability",
    "share",
    "signed",
    "significant_digits",
]

MINUS: Final = "\N{MINUS SIGN}"
_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_PLAIN_UNITS: Final = frozenset({"percent", "percent_is"})
_WIDE_INTERVAL: Final = 100.0


def power_of_ten(exponent: int) -> str:
    """Power of ten as printed.

    Parameters
    ----------
    exponent : int
        Any integer.

    Returns
    -------
    str
        With a raised exponent.

    Examples
    --------
    >>> power_of_ten(-5)
    '10⁻⁵'
    """
    return "10" + str(exponent).translate(_SUPERSCRIPTS)


def significant_digits(lower: float, upper: float, *, least: int = 1) -> int:
    """How many digits of an estimate its interval allows.

    One digit beyond the place that half the interval's width, taken on the log scale, touches: one where
    the ends are more than sevenfold apart, two down to a fifth, then three; never more than four.

    Parameters
    ----------
    lower, upper : float
        Positive ends of the interval.
    least : int, default 1
        Least number of digits.

    Returns
    -------
    int
        From `least` to 4.

    Examples
    --------
    >>> significant_digits(120.0, 260.0), significant_digits(20.0, 900.0), significant_digits(95.0, 105.0)
    (2, 1, 3)
    """
    half = math.log(upper / lower) / 2
    if half <= 0:
        return 4
    return min(4, max(least, 1 + math.ceil(-math.log10(half))))


def _exponent(value: float, digits: int) -> int:
    """Exponent after rounding, so that 9.96 with two digits is 1.0 × 10¹."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])


def _never_zero(value: float, decimals: int) -> str:
    """Fixed decimals, negative ones for tens; more of them where a positive value would print as 0."""
    text = f"{round(value, decimals):.{max(0, decimals)}f}"
    while value > 0 and float(text) == 0:
        decimals += 1
        text = f"{round(value, decimals):.{max(0, decimals)}f}"
    return text


def _is_plain(value: float, digits: int, unit: str) -> bool:
    """Whether a number is written without a power of ten: percentages, and what lies near 1 to 100."""
    if unit in _PLAIN_UNITS:
        return 1e-3 <= value < 1e4
    return -1 <= _exponent(value, digits) <= 1


def _plain(value: float, digits: int) -> str:
    exponent = _exponent(value, digits)
    rounded = round(value, digits - 1 - exponent)
    return f"{rounded:.{max(0, digits - 1 - exponent)}f}"


def number(value: float, digits: int = 2, *, unit: str = "") -> str:
    """Positive number with so many significant digits.

    Parameters
    ----------
    value : float
        Positive.
    digits : int, default 2
        Significant digits.
    unit : str, default ""
        Canonical unit; percentages from 0.001 to 10 000 are written without a power of ten, anything else
        from 0.1 to 99. The unit itself is not printed.

    Returns
    -------
    str
        For example ``"1.8 × 10²"``.

    Examples
    --------
    >>> number(183.0), number(41.3), number(0.31), number(1530.0, unit="percent"), number(1530.0)
    ('1.8 × 10²', '41', '0.31', '1500', '1.5 × 10³')
    """
    if _is_plain(value, digits, unit):
        return _plain(value, digits)
    exponent = _exponent(value, digits)
    return f"{value / 10.0**exponent:.{digits - 1}f} × {power_of_ten(exponent)}"


def interval(
    lower: float, upper: float, *, digits: int = 2, unit: str = "", like: float | None = None
) -> str:
    """Interval, sharing one power of ten where its ends are less than a hundredfold apart.

    Parameters
    ----------
    lower, upper : float
        Positive bounds.
    digits : int, default 2
        Significant digits of the value the interval belongs to.
    unit : str, default ""
        Canonical unit; decides the form, not printed.
    like : float or None, default None
        Value whose power of ten is used; the upper end if None.

    Returns
    -------
    str
        Without brackets.

    Examples
    --------
    >>> interval(120.0, 260.0, like=180.0), interval(0.8, 900.0, digits=1), interval(24.0, 40.0, unit="percent")
    ('1.2-2.6 × 10²', '0.8 to 9 × 10²', '24-40')
    """
    like = upper if like is None else like
    if upper >= _WIDE_INTERVAL * lower and not (unit in _PLAIN_UNITS and _is_plain(lower, digits, unit)):
        return f"{number(lower, digits, unit=unit)} to {number(upper, digits, unit=unit)}"
    exponent = _exponent(like, digits)
    plain = _is_plain(like, digits, unit)
    scale, decimals = (1.0, digits - 1 - exponent) if plain else (10.0**exponent, digits - 1)
    text = f"{_never_zero(lower / scale, decimals)}-{_never_zero(upper / scale, decimals)}"
    return text if plain else f"{text} × {power_of_ten(exponent)}"


def level(threshold: float) -> str:
    """A cut-off as a rule states it: plain, with as few digits as say it exactly, at most three.

    Parameters
    ----------
    threshold : float
        Positive.

    Returns
    -------
    str
        Without its unit.

    Examples
    --------
    >>> level(250.0), level(0.14), level(19.7342), level(3.2e-5)
    ('250', '0.14', '19.7', '3.2 × 10⁻⁵')
    """
    digits = next((d for d in (1, 2) if math.isclose(float(f"{threshold:.{d}g}"), threshold)), 3)
    return number(threshold, digits, unit="percent")


def _with_unit(text: str, unit: str, control: str) -> str:
    return f"{text} {unit_label(unit, control=control)}".rstrip()


def limit(upper: float, *, unit: str = "", control: str = "", with_unit: bool = False) -> str:
    """What stands for a value that was not detected.

    Parameters
    ----------
    upper : float
        Upper bound that the sample reached.
    unit, control : str, default ""
        Canonical unit and control gene.
    with_unit : bool, default False
        Whether to print them.

    Returns
    -------
    str
        Never ``"0"``.

    Examples
    --------
    >>> limit(3.0e-5), limit(1.53, unit="per_1e4", control="ABL1", with_unit=True)
    ('< 3.0 × 10⁻⁵', '< 1.5 per 10⁴ ABL1')
    """
    text = f"< {number(upper, unit=unit)}"
    return _with_unit(text, unit, control) if with_unit else text


def measured(measurement: Measurement, *, with_unit: bool = False) -> str:
    """Value of a measurement with its interval, or what stands in its place.

    Parameters
    ----------
    measurement : Measurement
        Any detection state.
    with_unit : bool, default False
        Whether to print the unit, where the number stands alone.

    Returns
    -------
    str
        ``"1.8 × 10² (1.2-2.6 × 10²)"``, ``"positive, not quantifiable (interval 0.4-9)"``, ``"< 1.5"``, ``"> 3 × 10⁵"``
        or ``"not evaluable"``.
    """
    m = measurement
    if m.state == "not evaluable":
        return "not evaluable"
    if m.estimate is None or m.lower is None or m.upper is None:
        if is_more_than(m):
            return _more_than(m, with_unit=with_unit)
        if m.upper_limit is None:
            return m.state
        return limit(m.upper_limit, unit=m.unit, control=m.control, with_unit=with_unit)
    digits = significant_digits(m.lower, m.upper)
    ends = interval(m.lower, m.upper, digits=digits, unit=m.unit, like=m.estimate)
    if m.state == "detected":
        ends = _with_unit(ends, m.unit, m.control) if with_unit else ends
        return f"positive, not quantifiable (interval {ends})"
    text = f"{number(m.estimate, digits, unit=m.unit)} ({ends})"
    return _with_unit(text, m.unit, m.control) if with_unit else text


def is_more_than(m: Measurement) -> bool:
    """Whether only a lower bound is known: every partition positive, or reported as more than a limit.

    Parameters
    ----------
    m : Measurement
        Any detection state.

    Returns
    -------
    bool
        True where it is printed as ``"> 3 × 10⁵"``.
    """
    return m.state != "not evaluable" and m.lower is not None and m.estimate is None and m.upper_limit is None


def _more_than(m: Measurement, *, with_unit: bool) -> str:
    """Lower end of an interval that has no upper one."""
    text = f"> {number(m.lower or 0.0, unit=m.unit)}"
    return _with_unit(text, m.unit, m.control) if with_unit else text


def comparison(measurement: Measurement) -> str:
    """Interval for comparison with another sample.

    Parameters
    ----------
    measurement : Measurement
        Any detection state.

    Returns
    -------
    str
        Without brackets; empty where nothing was detected.
    """
    m = measurement
    if m.estimate is None or m.comparison_lower is None or m.comparison_upper is None:
        return ""
    digits = significant_digits(m.comparison_lower, m.comparison_upper, least=2)
    return interval(m.comparison_lower, m.comparison_upper, digits=digits, unit=m.unit, like=m.estimate)


def signed(value: float | None, decimals: int = 2) -> str:
    """Number with its sign.

    Parameters
    ----------
    value : float or None
        Any number.
    decimals : int, default 2
        Decimals.

    Returns
    -------
    str
        With a true minus; zero has no sign; empty for None.

    Examples
    --------
    >>> signed(-1.25, 1), signed(2.0), signed(0.001)
    ('−1.2', '+2.00', '0.00')
    """
    if value is None:
        return ""
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0:
        return text
    return f"{'+' if value > 0 else MINUS}{text}"


def probability(value: float | None, *, name: str = "") -> str:
    """Probability with two decimals, never as certainty.

    Parameters
    ----------
    value : float or None
        From 0 to 1.
    name : str, default ""
        Symbol before it.

    Returns
    -------
    str
        Empty for None.

    Examples
    --------
    >>> probability(0.973), probability(0.9994), probability(0.0004), probability(0.62, name="P")
    ('0.97', '> 0.99', '< 0.01', 'P = 0.62')
    """
    if value is None:
        return ""
    bounds = value > 0.995 or value < 0.005
    text = ("> 0.99" if value > 0.5 else "< 0.01") if bounds else f"{value:.2f}"
    if not name:
        return text
    return f"{name} {text}" if bounds else f"{name} = {text}"


def p_value(value: float) -> str:
    """P value of a test.

    Parameters
    ----------
    value : float
        From 0 to 1.

    Returns
    -------
    str
        Two significant digits, or the bound below which it lies.

    Examples
    --------
    >>> p_value(0.0321), p_value(0.00003), p_value(0.648)
    ('P = 0.032', 'P < 0.0001', 'P = 0.65')
    """
    if value < 1e-4:
        return "P < 0.0001"
    return f"P = {_plain(value, 2 if value < 0.995 else 3)}"


def percent(value: float) -> str:
    """Percentage of cells: whole from 10 up, one decimal below, fewer digits never shown as 0.

    Parameters
    ----------
    value : float
        Percent.

    Returns
    -------
    str
        Without the sign.

    Examples
    --------
    >>> percent(63.0), percent(4.25), percent(99.6), percent(0.0)
    ('63', '4.2', '99.6', '0')
    """
    if value == 0:
        return "0"
    if 10 <= value < 99:
        return f"{value:.0f}"
    return _never_zero(value, 1).removesuffix(".0")


def share(lower: float, estimate: float, upper: float) -> str:
    """Proportion with its interval, in percent.

    Parameters
    ----------
    lower, estimate, upper : float
        From 0 to 1, in this order.

    Returns
    -------
    str
        For example ``"40 % (21-61 %)"``.

    Examples
    --------
    >>> share(0.2113, 0.4, 0.6133)
    '40 % (21-61 %)'
    """
    return f"{100 * estimate:.0f} % ({100 * lower:.0f}-{100 * upper:.0f} %)"


def count(value: float | None) -> str:
    """Copies or cells as a whole number.

    Parameters
    ----------
    value : float or None
        Any number of things.

    Returns
    -------
    str
        Below ten with one decimal where it is no whole number; empty for None.

    Examples
    --------
    >>> count(20431.4), count(2.6), count(0.0), count(None)
    ('20431', '2.6', '0', '')
    """
    if value is None:
        return ""
    if value == 0:
        return "0"
    return _never_zero(value, 1).removesuffix(".0") if value < 10 else f"{value:.0f}"


def plural(n: int, word: str, words: str = "") -> str:
    """Number with its noun.

    Parameters
    ----------
    n : int
        How many.
    word : str
        Singular.
    words : str, default ""
        Plural; the singular with an s if empty.

    Returns
    -------
    str
        For example ``"3 samples"``.

    Examples
    --------
    >>> plural(1, "sample"), plural(3, "sample"), plural(2, "biopsy", "biopsies")
    ('1 sample', '3 samples', '2 biopsies')
    """
    return f"{n} {word if n == 1 else words or word + 's'}"


def iso(date: dt.date | None) -> str:
    """Date for a table.

    Parameters
    ----------
    date : datetime.date or None
        Any day.

    Returns
    -------
    str
        ISO 8601; empty for None.

    Examples
    --------
    >>> iso(dt.date(2020, 5, 14))
    '2020-05-14'
    """
    return "" if date is None else date.isoformat()


def in_sentence(date: dt.date, *, with_year: bool = True) -> str:
    """Date for a sentence.

    Parameters
    ----------
    date : datetime.date
        Any day.
    with_year : bool, default True
        Whether to name the year.

    Returns
    -------
    str
        Day and month name.

    Examples
    --------
    >>> in_sentence(dt.date(2020, 5, 14)), in_sentence(dt.date(2020, 5, 14), with_year=False)
    ('14 May 2020', '14 May')
    """
    text = f"{date.day} {_MONTHS[date.month - 1]}"
    return f"{text} {date.year}" if with_year else text


def day(days: int | None) -> str:
    """Day from transplantation.

    Parameters
    ----------
    days : int or None
        Negative before it.

    Returns
    -------
    str
        Signed; empty for None.

    Examples
    --------
    >>> day(96), day(-14), day(0)
    ('+96', '−14', '0')
    """
    return signed(days, 0)
