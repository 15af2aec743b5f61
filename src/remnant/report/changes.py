"""Changes in log10 as page and terminal print them: with their sign, and only the ends that are known."""

from __future__ import annotations

from remnant.report import numbers
from remnant.report.numbers import signed

__all__ = ["change", "probability", "span"]


def change(estimate: float | None, lower: float | None, upper: float | None) -> str:
    """Estimate of a change, or the one end that is known of it.

    Parameters
    ----------
    estimate, lower, upper : float or None
        log10 change and its interval; None where only a bound of one sample is known.

    Returns
    -------
    str
        Empty where nothing is known.

    Examples
    --------
    >>> change(0.5, 0.2, 0.8), change(None, 0.2, None), change(None, None, -0.2), change(None, None, None)
    ('+0.50', '> +0.20', '< −0.20', '')
    """
    if estimate is not None:
        return signed(estimate)
    if lower is not None:
        return f"> {signed(lower)}"
    return "" if upper is None else f"< {signed(upper)}"


def probability(value: float | None, lower: float | None, upper: float | None) -> str:
    """Probability of a rise, which is at least or at most that where one end of the change is open.

    Parameters
    ----------
    value : float or None
        From 0 to 1.
    lower, upper : float or None
        Bounds of the change.

    Returns
    -------
    str
        Empty for None.

    Examples
    --------
    >>> probability(0.62, -0.1, 0.4), probability(0.62, -0.1, None), probability(0.001, None, -0.4)
    ('0.62', '≥ 0.62', '< 0.01')
    >>> probability(0.999, -0.1, None), probability(0.001, -3.0, None)
    ('> 0.99', '≥ 0.00')
    """
    text = numbers.probability(value)
    if value is None or (lower is None) == (upper is None):
        return text
    sign, silent = ("≥", ">") if upper is None else ("≤", "<")
    return text if text.startswith(silent) else f"{sign} {value:.2f}"


def span(lower: float | None, upper: float | None) -> str:
    """Interval of a change, which may cross zero.

    Parameters
    ----------
    lower, upper : float or None
        Bounds.

    Returns
    -------
    str
        Empty if a bound is missing.

    Examples
    --------
    >>> span(0.312, 0.954)
    '+0.31 to +0.95'
    """
    return "" if lower is None or upper is None else f"{signed(lower)} to {signed(upper)}"
