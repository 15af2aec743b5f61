"""Interpretation of an IG/TR assay under EuroMRD's two profiles, from threshold cycles, literally."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from remnant.errors import MeasurementError
from remnant.knowledge.rules import RuleRow

__all__ = ["IgTrReading", "interpret_igtr"]

Profile = Literal["avoid false negative", "avoid false positive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IgTrReading:
    """Verdict on one follow-up sample.

    Attributes
    ----------
    verdict : {"positive", "positive, not quantifiable", "negative", "not evaluable"}
        Under the profile.
    profile : str
        Profile used.
    code, reason : str
        Stable reason code, and the sentence with the numbers.
    rules : tuple of str
        Rows applied.
    """

    verdict: Literal["positive", "positive, not quantifiable", "negative", "not evaluable"]
    profile: str
    code: str
    reason: str
    rules: tuple[str, ...]


def interpret_igtr(
    wells: Sequence[float | None],
    *,
    background: Sequence[float | None],
    quantitative_ct: float,
    sensitivity_ct: float,
    profile: Profile,
    rows: Sequence[RuleRow],
) -> IgTrReading:
    """Positive, not quantifiable or negative, by the wells of a sample.

    Parameters
    ----------
    wells : sequence of float or None
        Ct of each well of the sample; None where nothing was amplified.
    background : sequence of float or None
        Ct of each well of polyclonal background; None where nothing was amplified.
    quantitative_ct : float
        Mean Ct of the lowest dilution in the quantitative range.
    sensitivity_ct : float
        Highest Ct at the dilution that is the sensitivity.
    profile : {"avoid false negative", "avoid false positive"}
        Interpretation profile.
    rows : sequence of RuleRow
        Rows of kind ``interpretation``.

    Returns
    -------
    IgTrReading
        A sample in the quantitative range whose replicates agree is positive; other positive ones are not
        quantifiable.

    Raises
    ------
    MeasurementError
        If there is no well.

    References
    ----------
    van der Velden et al., Leukemia 21, 604-611 (2007); numbers not verified.

    Examples
    --------
    >>> from remnant.knowledge.rules_files import rule_book
    >>> rows = [row for row in rule_book().named("euromrd_igtr").rows if row.kind == "interpretation"]
    >>> ask = dict(background=[40.0, 39.5, None, None, 41.0, 40.2], quantitative_ct=33.0, sensitivity_ct=36.5, rows=rows)
    >>> interpret_igtr([38.0, None, None], profile="avoid false negative", **ask).verdict
    'positive, not quantifiable'
    >>> interpret_igtr([38.0, None, None], profile="avoid false positive", **ask).verdict
    'negative'
    """
    if not wells:
        raise MeasurementError(
            where="wells of the sample", found="none", needed="at least one well", advice="Check the plate."
        )
    number = {(row.profile, row.label): row for row in rows}
    distance, window = number[profile, "background distance"], number[profile, "sensitivity window"]
    needed, spread = number["", "background wells"], number["", "replicate spread"]
    used: tuple[str, ...] = (distance.id, window.id, needed.id)
    if len(background) < (needed.threshold or 0):
        text = f"{len(background)} wells of background, {needed.threshold:g} needed."
        return _reading("not evaluable", profile, because="igtr.background", reason=text, rules=used)
    seen = [ct for ct in wells if ct is not None]
    amplified = [ct for ct in background if ct is not None]
    limits = [sensitivity_ct + (window.threshold or 0.0)]
    if amplified:
        limits.append(min(amplified) - (distance.threshold or 0.0))
    limit = min(limits)
    count = sum(ct <= limit for ct in seen)
    if count == 0:
        text = f"no well at or below Ct {limit:.1f} ({len(seen)} of {len(wells)} amplified)."
        return _reading("negative", profile, because="igtr.negative", reason=text, rules=used)
    close = len(seen) == len(wells) and max(seen) - min(seen) <= (spread.threshold or 0.0)
    mean = sum(seen) / len(seen)
    text = f"{count} of {len(wells)} wells at or below Ct {limit:.1f}"
    used = (*used, spread.id)
    if close and mean <= quantitative_ct:
        return _reading("positive", profile, because="igtr.positive", reason=f"{text}, in range.", rules=used)
    why = "replicates too far apart" if not close else f"mean Ct {mean:.1f} above {quantitative_ct:.1f}"
    return _reading(
        "positive, not quantifiable",
        profile,
        because="igtr.not_quantifiable",
        reason=f"{text}; {why}.",
        rules=used,
    )


def _reading(
    verdict: Literal["positive", "positive, not quantifiable", "negative", "not evaluable"],
    profile: str,
    *,
    because: str,
    reason: str,
    rules: tuple[str, ...],
) -> IgTrReading:
    return IgTrReading(verdict=verdict, profile=profile, code=because, reason=reason, rules=rules)
