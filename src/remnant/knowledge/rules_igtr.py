"""EuroMRD's rules for IG/TR assays, from threshold cycles, literally.

Range and sensitivity of a plate, and the interpretation of a sample under two profiles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from remnant.errors import MeasurementError
from remnant.knowledge.igtr import Profile
from remnant.knowledge.rules import RuleRow

__all__ = ["Dilution", "IgTrReading", "PlateRange", "interpret_igtr", "numbers_of", "plate_range"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dilution:
    """Wells of one dilution.

    Attributes
    ----------
    share : float
        Share of diagnosis DNA.
    cts : tuple of float or None
        Ct of each well; None where nothing was amplified.
    """

    share: float
    cts: tuple[float | None, ...]

    @property
    def mean_ct(self) -> float | None:
        """Mean Ct.

        Returns
        -------
        float or None
            None unless every well amplified.
        """
        seen = [ct for ct in self.cts if ct is not None]
        return sum(seen) / len(seen) if seen and len(seen) == len(self.cts) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateRange:
    """What the dilutions of a plate can show over its background.

    Attributes
    ----------
    quantitative : tuple of Dilution
        Dilutions in the quantitative range, highest share first.
    sensitive : Dilution or None
        Dilution that is the sensitivity.
    rules : tuple of str
        Rows applied.
    """

    quantitative: tuple[Dilution, ...]
    sensitive: Dilution | None
    rules: tuple[str, ...]


def numbers_of(rows: Sequence[RuleRow]) -> dict[tuple[str, str], RuleRow]:
    """Rows by profile and label.

    Parameters
    ----------
    rows : sequence of RuleRow
        Rows of kind ``interpretation``.

    Returns
    -------
    dict of (str, str) to RuleRow
        The profile is empty for numbers of the plate.
    """
    return {(row.profile, row.label): row for row in rows}


def plate_range(
    dilutions: Sequence[Dilution], background: Sequence[float | None], rows: Sequence[RuleRow]
) -> PlateRange:
    """Quantitative range and sensitivity of a plate.

    Parameters
    ----------
    dilutions : sequence of Dilution
        Of the diagnosis DNA.
    background : sequence of float or None
        Ct of each well of polyclonal background; None where nothing was amplified.
    rows : sequence of RuleRow
        Rows of kind ``interpretation``.

    Returns
    -------
    PlateRange
        The range ends at the first dilution whose replicates spread too far, lie too near the background, or lie no
        tenfold step below the one before. The sensitivity is the lowest dilution with one well far enough below the
        background.

    References
    ----------
    van der Velden et al., Leukemia 21, 604-611 (2007); numbers not verified.

    Examples
    --------
    >>> from remnant.knowledge.rules_files import rule_book
    >>> rows = [row for row in rule_book().named("euromrd_igtr").rows if row.kind == "interpretation"]
    >>> series = [Dilution(share=10.0**-k, cts=(20 + 3.4 * k, 20.2 + 3.4 * k, 20.1 + 3.4 * k)) for k in range(1, 6)]
    >>> found = plate_range(series, [38.5, None, 39.0, None, 39.5, 40.0], rows)
    >>> [one.share for one in found.quantitative], found.sensitive.share
    ([0.1, 0.01, 0.001, 0.0001], 1e-05)
    """
    number = numbers_of(rows)
    distance, spread = number["", "quantitative distance"], number["", "replicate spread"]
    far = number["", "sensitivity distance"]
    least, most = number["", "smallest step"], number["", "largest step"]
    lowest = min((ct for ct in background if ct is not None), default=math.inf)
    ordered = sorted(dilutions, key=lambda one: -one.share)
    held: list[Dilution] = []
    for one in ordered:
        mean, seen = one.mean_ct, [ct for ct in one.cts if ct is not None]
        if mean is None or not spread.holds(max(seen) - min(seen)) or not distance.holds(lowest - mean):
            break
        if held and not _is_step(held[-1], one, least=least, most=most):
            break
        held.append(one)
    reached = [one for one in ordered if any(ct is not None and far.holds(lowest - ct) for ct in one.cts)]
    return PlateRange(
        quantitative=tuple(held),
        sensitive=reached[-1] if reached else None,
        rules=(distance.id, spread.id, least.id, most.id, far.id),
    )


def _is_step(one: Dilution, other: Dilution, *, least: RuleRow, most: RuleRow) -> bool:
    tenfold = math.log10(one.share / other.share)
    cycles = ((other.mean_ct or 0.0) - (one.mean_ct or 0.0)) / tenfold if tenfold > 0 else 0.0
    return least.holds(cycles) and most.holds(cycles)


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
    quantitative_ct: float | None,
    sensitivity_ct: float | None,
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
    quantitative_ct : float or None
        Mean Ct of the lowest dilution in the quantitative range; None where no dilution is in it.
    sensitivity_ct : float or None
        Highest Ct at the dilution that is the sensitivity; None where no dilution reaches it.
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
    number = numbers_of(rows)
    distance, window = number[profile, "background distance"], number[profile, "sensitivity window"]
    needed, spread = number["", "background wells"], number["", "replicate spread"]
    used: tuple[str, ...] = (distance.id, window.id, needed.id)
    if sensitivity_ct is None:
        text = "no dilution lies far enough below the background: the sensitivity is not known."
        return _reading("not evaluable", profile, because="igtr.no_sensitivity", reason=text, rules=used)
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
    if close and quantitative_ct is not None and mean <= quantitative_ct:
        return _reading("positive", profile, because="igtr.positive", reason=f"{text}, in range.", rules=used)
    why = "replicates too far apart" if not close else _beyond(mean, quantitative_ct)
    return _reading(
        "positive, not quantifiable",
        profile,
        because="igtr.not_quantifiable",
        reason=f"{text}; {why}.",
        rules=used,
    )


def _beyond(mean: float, quantitative_ct: float | None) -> str:
    if quantitative_ct is None:
        return "no dilution is in the quantitative range"
    return f"mean Ct {mean:.1f} above {quantitative_ct:.1f}"


def _reading(
    verdict: Literal["positive", "positive, not quantifiable", "negative", "not evaluable"],
    profile: str,
    *,
    because: str,
    reason: str,
    rules: tuple[str, ...],
) -> IgTrReading:
    return IgTrReading(verdict=verdict, profile=profile, code=because, reason=reason, rules=rules)
