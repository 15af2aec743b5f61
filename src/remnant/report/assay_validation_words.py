"""The limits of an assay in words: numbers of copies, the sentence of the page, what its figure shows."""

from __future__ import annotations

from remnant.records.validation import AssayValidation, QuantificationLimit
from remnant.report import numbers

__all__ = ["copies_text", "describe", "level_text", "nominal_text", "sentence", "span_text"]


def copies_text(value: float) -> str:
    """Copies to two digits.

    Parameters
    ----------
    value : float
        Copies.

    Returns
    -------
    str
        Number.
    """
    return numbers.number(value, 2, unit="copies")


def nominal_text(value: float) -> str:
    """Copies as they are written on a tube.

    Parameters
    ----------
    value : float
        Copies.

    Returns
    -------
    str
        Number.
    """
    return f"{value:,.6g}"


def level_text(value: float) -> str:
    """Copies of a level: as written on a tube, or to two digits where they were counted.

    Parameters
    ----------
    value : float
        Copies.

    Returns
    -------
    str
        Number.
    """
    return nominal_text(value) if float(f"{value:.3g}") == value else copies_text(value)


def span_text(lower: float | None, upper: float | None) -> str:
    """Ends of an interval of copies.

    Parameters
    ----------
    lower, upper : float or None
        Ends; None where the data set none.

    Returns
    -------
    str
        Empty without either.
    """
    if lower is None and upper is None:
        return ""
    low = "?" if lower is None else copies_text(lower)
    return f"{low} to {'no end' if upper is None else copies_text(upper)}"


def sentence(found: AssayValidation) -> str:
    """The limits in one paragraph.

    Parameters
    ----------
    found : AssayValidation
        Validation.

    Returns
    -------
    str
        Sentences with units and replicates.
    """
    limit = found.limit_of_detection
    parts = []
    if limit is None:
        parts.append(f"{found.target} has no limit of detection yet.")
    else:
        span = span_text(limit.lower, limit.upper)
        parts.append(
            f"{found.target} is detected in 95 % of wells from {copies_text(limit.copies)} copies a well on"
            + (f" (95 % interval {span})." if span else ".")
        )
    parts += [_quantified(rule) for rule in found.quantification[:1]]
    if found.blank is not None and found.digital is not None:
        held = found.digital
        parts.append(
            f"A blank well stays within {numbers.plural(held.limit_of_blank_positives, 'positive partition')} of {held.partitions:,}; "
            f"{numbers.plural(found.blank.wells, 'blank well')} had {held.blank_positives} of {held.blank_partitions:,}."
        )
    elif found.blank is not None:
        parts.append(
            f"{found.blank.positive} of {numbers.plural(found.blank.wells, 'blank well')} gave a signal."
        )
    return " ".join(parts)


def _quantified(rule: QuantificationLimit) -> str:
    if rule.by_levels is None:
        return f"No level meets {rule.label}."
    replicates = numbers.plural(rule.replicates, "replicate")
    return f"It is quantified ({rule.label}) from {level_text(rule.by_levels)} copies on, the lowest level that meets the rule ({replicates})."


def describe(found: AssayValidation) -> str:
    """What the detection figure shows, in words.

    Parameters
    ----------
    found : AssayValidation
        Validation.

    Returns
    -------
    str
        One sentence a level, and the limits.
    """
    levels = " ".join(
        f"{one.detected} of {one.wells} wells at {nominal_text(one.copies)} copies." for one in found.levels
    )
    return f"Detection of {found.target} against copies. {levels} {sentence(found)}"
