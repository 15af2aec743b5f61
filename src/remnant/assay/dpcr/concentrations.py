"""Concentration of every well: copies per microlitre of reaction, with state and limits.

Evidence is ``partitions``: positives of accepted partitions, the volume with its error, the false-positive
rate with its posterior. A well in which all partitions are positive has a lower bound and no number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np

from remnant.assay.dpcr.blanks import BlankRate
from remnant.assay.dpcr.gating import Count
from remnant.assay.dpcr.wells import NamedWell
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import PartitionsEvidence
from remnant.evidence.verbs import interval, upper_limit
from remnant.knowledge.dpcr import DigitalRules
from remnant.numerics.partitions import exact_interval, limit_of_blank, limit_of_detection, rate
from remnant.records.partition import DigitalWell

__all__ = ["State", "clean_limit", "concentration_evidence", "digital_wells", "judged"]

State = Literal["quantified", "detected", "not detected", "not evaluable"]

_FEWEST_MOLECULES: Final = 1e-3
_UL_PER_NL: Final = 1e-3


def concentration_evidence(
    k: int, n: int, *, volume_nl: float, volume_cv: float, blank: BlankRate
) -> PartitionsEvidence:
    """Evidence of a concentration in copies per microlitre.

    Parameters
    ----------
    k, n : int
        Positive and accepted partitions, of one well or of several together.
    volume_nl, volume_cv : float
        Partition volume and its relative error.
    blank : BlankRate
        False positives.

    Returns
    -------
    PartitionsEvidence
        Declared from a thousandth of a molecule in all partitions to where all are positive for sure.

    Examples
    --------
    >>> blank = BlankRate(positives=0.5, negatives=59999.5, wells=2)
    >>> one = concentration_evidence(38, 17831, volume_nl=0.85, volume_cv=0.04, blank=blank)
    >>> round(float(interval(EvidenceBatch.of([one])).median[0]), 2)
    2.48
    """
    volume_ul = volume_nl * _UL_PER_NL
    return PartitionsEvidence(
        k=k,
        n=n,
        volume_ul=volume_ul,
        volume_cv=volume_cv,
        false_positive=blank.mean,
        log10_low=math.log10(_FEWEST_MOLECULES / (n * volume_ul)),
        log10_high=math.log10((math.log(n) + 7.0) / volume_ul),
        false_positive_sd=blank.sd,
    )


def clean_limit(n: int, limit: int, blank: BlankRate, rules: DigitalRules) -> int:
    """Positives that blanks of a clean run would stay within, where the blanks of this one are contaminated.

    Parameters
    ----------
    n : int
        Partitions.
    limit : int
        Limit of blank of this run.
    blank : BlankRate
        Its false positives.
    rules : DigitalRules
        Prior of the blanks, and the copies that make a number.

    Returns
    -------
    int
        `limit` itself where wells without template are clean, or stain less than would make a number.

    Examples
    --------
    >>> from remnant.knowledge.dpcr import dpcr_rules
    >>> stained = BlankRate(positives=40.5, negatives=39959.5, wells=1, contaminated=True)
    >>> clean_limit(20_000, 55, stained, dpcr_rules())
    2
    """
    if not blank.contaminated or float(rate(limit, n)) * n < rules.positivity.minimum_copies:
        return limit
    a = rules.blank.prior_positives
    clean = limit_of_blank(n, a, rules.blank.prior_partitions - a, rules.blank.level)
    return min(int(clean), limit)


def judged(
    k: int, n: int, *, limit: int, copies: float, minimum_copies: float, clean: int | None = None
) -> tuple[State, str]:
    """Detection state of counted partitions.

    Parameters
    ----------
    k, n : int
        Positive and accepted partitions.
    limit : int
        Limit of blank, positives.
    copies : float
        Copies in the partitions, blank subtracted.
    minimum_copies : float
        From how many on there is a number.
    clean : int or None, default None
        Positives up to which a clean run would say so too (`clean_limit`); None takes the limit of blank.

    Returns
    -------
    state : {"quantified", "detected", "not detected", "not evaluable"}
        State; not evaluable where a contaminated blank would explain what a clean one would not.
    reason : str
        Why it is not quantified; empty if it is.

    Examples
    --------
    >>> judged(2, 20_000, limit=2, copies=1.2, minimum_copies=8.2)
    ('not detected', '2 of 20000 partitions positive, within the limit of blank of 2')
    """
    if k == n:
        return "detected", f"all {n} partitions positive: a lower bound, no number"
    if clean is not None and clean < k <= limit:
        return (
            "not evaluable",
            f"{k} of {n} partitions positive: contaminated blanks give up to {limit}, clean ones {clean}",
        )
    if k <= limit:
        return "not detected", f"{k} of {n} partitions positive, within the limit of blank of {limit}"
    if copies < minimum_copies:
        return "detected", f"{copies:.1f} copies in all, below {minimum_copies:.2g}: not quantifiable"
    return "quantified", ""


def digital_wells(
    wells: Sequence[NamedWell],
    counts: Mapping[int, Count],
    *,
    decisions: Sequence[tuple[str, str]],
    blanks: Mapping[tuple[str, str], BlankRate],
    well_sd: Mapping[str, float],
    rules: DigitalRules,
) -> list[DigitalWell]:
    """One record a well and channel.

    Parameters
    ----------
    wells : sequence of NamedWell
        All wells.
    counts : mapping of int to Count
        Counts by index; a well without one cannot be counted.
    decisions : sequence of (str, str)
        Decision and reason of each well.
    blanks : mapping of (str, str) to BlankRate
        By run and target.
    well_sd : mapping of str to float
        Variation between wells by run.
    rules : DigitalRules
        Level of the limits, and what makes a number.

    Returns
    -------
    list of DigitalWell
        In the order of the wells.
    """
    rates = [blanks[well.part.run_id, well.target] for well in wells]
    n = np.array([max(well.part.accepted, 1) for well in wells])
    a, b = np.array([r.positives for r in rates]), np.array([r.negatives for r in rates])
    limits = limit_of_blank(n, a, b, rules.blank.level)
    lods = limit_of_detection(n, limits, a, b, level=rules.blank.level)
    cvs = [math.hypot(w.instrument.volume_cv, well_sd[w.part.run_id]) for w in wells]
    countable = [
        i
        for i in range(len(wells))
        if i in counts and counts[i].positives is not None and wells[i].part.accepted
    ]
    answers = _answers(wells, counts, countable, rates=rates, cvs=cvs)
    return [
        _record(
            well,
            counts.get(i) or Count(method="none", positives=None),
            decision=decisions[i],
            blank=rates[i],
            limit=int(limits[i]),
            clean=clean_limit(int(n[i]), int(limits[i]), rates[i], rules),
            lod=float(lods[i]) / (well.volume_nl * _UL_PER_NL),
            volume_cv=cvs[i],
            answer=answers.get(i),
            minimum_copies=rules.positivity.minimum_copies,
        )
        for i, well in enumerate(wells)
    ]


def _answers(
    wells: Sequence[NamedWell],
    counts: Mapping[int, Count],
    rows: Sequence[int],
    *,
    rates: Sequence[BlankRate],
    cvs: Sequence[float],
) -> dict[int, tuple[float, float, float]]:
    """Lower end, upper end and one-sided bound of each well that was counted."""
    if not rows:
        return {}
    batch = EvidenceBatch.of(
        [
            concentration_evidence(
                counts[i].positives or 0,
                wells[i].part.accepted,
                volume_nl=wells[i].volume_nl,
                volume_cv=cvs[i],
                blank=rates[i],
            )
            for i in rows
        ]
    )
    found, bound = interval(batch), upper_limit(batch)
    return {
        i: (float(low), float(high), float(top))
        for i, low, high, top in zip(rows, found.lower, found.upper, bound, strict=True)
    }


def _record(
    well: NamedWell,
    count: Count,
    *,
    decision: tuple[str, str],
    blank: BlankRate,
    limit: int,
    clean: int,
    lod: float,
    volume_cv: float,
    answer: tuple[float, float, float] | None,
    minimum_copies: float,
) -> DigitalWell:
    part = well.part
    k, n = count.positives, part.accepted
    numbers: dict[str, Any] = {"copies_per_ul": None, "lower": None, "upper": None, "upper_limit": None}
    if k is None or answer is None:
        state: State = "not evaluable"
        reason = decision[1] or "no threshold can be set"
    else:
        volume_ul = well.volume_nl * _UL_PER_NL
        point = float(rate(k, n, blank.mean))
        state, reason = judged(
            k, n, limit=limit, copies=point * n, minimum_copies=minimum_copies, clean=clean
        )
        if k == n:
            # One-sided: what a Clopper-Pearson bound of the share says, at the lowest likely volume.
            lower = float(exact_interval(k, n, 0.90)[0]) / volume_ul
            numbers["lower"] = lower * math.exp(-1.645 * volume_cv)
        else:
            numbers["upper_limit"] = answer[2]
            if state in {"quantified", "detected"}:
                numbers |= {"copies_per_ul": point / volume_ul, "lower": answer[0], "upper": answer[1]}
    return DigitalWell(
        run_id=part.run_id,
        position=part.position,
        channel=part.channel,
        target=well.target,
        sample=part.sample,
        kind=part.kind,
        gate=count.method,
        threshold=count.threshold,
        positives=k,
        accepted=n,
        lowest_threshold=count.lowest_threshold,
        highest_threshold=count.highest_threshold,
        lowest_positives=count.lowest_positives,
        highest_positives=count.highest_positives,
        state=state,
        volume_nl=well.volume_nl,
        volume_cv=volume_cv,
        volume_source=well.volume_source,
        false_positive_rate=blank.mean,
        limit_of_blank_positives=limit,
        limit_of_detection_copies_per_ul=lod,
        used=decision[0] == "used",
        decision=decision[0],
        reason=decision[1] or reason,
        exposure=well.exposure,
        **numbers,
    )
