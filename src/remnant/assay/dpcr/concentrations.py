"""Concentration of every well: copies per microlitre of reaction, with state and limits.

Evidence is ``partitions``: positives of accepted partitions, the volume with its error, the false-positive
rate with its law. A well in which all partitions are positive has a lower bound and no number. The interval of a well
that is detected and not quantified ends where that of one positive more ends, as Garwood's exact interval does: the
interval alone would end below the bound of the same count where it is within the limit of blank.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from remnant.assay.dpcr.gating import Count
from remnant.assay.dpcr.rates import BlankRate, blank_limits, clean_limit, countable_copies, exact_lower
from remnant.assay.dpcr.wells import NamedWell
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import PartitionsEvidence
from remnant.evidence.verbs import interval, upper_limit
from remnant.knowledge.dpcr import DigitalRules
from remnant.numerics.partitions import exact_interval, limit_of_detection, rate
from remnant.records.partition import DigitalWell

__all__ = ["State", "concentration_evidence", "digital_wells", "judged"]

State = Literal["quantified", "detected", "not detected", "not evaluable"]

_FEWEST_MOLECULES: Final = 1e-3
_UL_PER_NL: Final = 1e-3
_TWO_SIDED: Final = 1.959964


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


def judged(
    k: int,
    n: int,
    *,
    limit: int,
    copies: float,
    blank: BlankRate,
    minimum_copies: float,
    clean: int | None = None,
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
    blank : BlankRate
        False positives.
    minimum_copies : float
        From how many on there is a number, counted without background: ``1 / CV**2``.
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
    >>> clean = BlankRate(positives=0.5, negatives=60_000.0, wells=3)
    >>> judged(2, 20_000, limit=2, copies=1.8, blank=clean, minimum_copies=8.2)
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
        within = (
            f"limit of blank of {limit}"
            if clean is None or clean == limit
            else f"limit of clean blanks of {clean}"
        )
        return "not detected", f"{k} of {n} partitions positive, within the {within}"
    known = countable_copies(copies, k, n, blank)
    if known < minimum_copies:
        cv, most = (100.0 / math.sqrt(max(one, 1e-4)) for one in (known, minimum_copies))
        return (
            "detected",
            f"{copies:.1f} copies in all, with a CV of {min(cv, 999.0):.0f} %, above {most:.0f} %: not quantifiable",
        )
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
    limits = blank_limits(rates, n, rules.blank.level)
    lods = limit_of_detection(n, limits, a, b, level=rules.blank.level)
    cvs = [math.hypot(w.instrument.volume_cv, well_sd[w.part.run_id]) for w in wells]
    countable = [
        i
        for i in range(len(wells))
        if i in counts and counts[i].positives is not None and wells[i].part.accepted
    ]
    states = {
        i: _state(wells[i], counts[i].positives or 0, blank=rates[i], limit=int(limits[i]), rules=rules)
        for i in countable
    }
    answers = _answers(wells, counts, states, rates=rates, cvs=cvs)
    return [
        _record(
            well,
            counts.get(i) or Count(method="none", positives=None),
            decision=decisions[i],
            state=states.get(i, ("not evaluable", decisions[i][1] or "no threshold can be set")),
            blank=rates[i],
            limit=int(limits[i]),
            lod=float(lods[i]) / (well.volume_nl * _UL_PER_NL),
            volume_cv=cvs[i],
            answer=answers.get(i),
        )
        for i, well in enumerate(wells)
    ]


def _state(
    well: NamedWell, k: int, *, blank: BlankRate, limit: int, rules: DigitalRules
) -> tuple[State, str]:
    """State of one well; a stained blank is judged against clean ones."""
    n = well.part.accepted
    clean = clean_limit(n, limit, blank, rules)
    if well.part.kind == "ntc" and blank.clean is not None and clean < k < n:
        return "detected", f"{k} of {n} partitions positive, where clean blanks give up to {clean}"
    copies = float(rate(k, n, blank.mean)) * n
    return judged(
        k,
        n,
        limit=limit,
        copies=copies,
        blank=blank,
        minimum_copies=rules.positivity.minimum_copies,
        clean=clean,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """Interval and one-sided bound of a well."""

    lower: float
    upper: float
    bound: float


def _answers(
    wells: Sequence[NamedWell],
    counts: Mapping[int, Count],
    states: Mapping[int, tuple[State, str]],
    *,
    rates: Sequence[BlankRate],
    cvs: Sequence[float],
) -> dict[int, _Answer]:
    """Numbers of each well that was counted.

    What is only detected reaches up to what one positive more would say, and beside a stained blank to what no stain
    would leave; no lower end is below the exact one.
    """
    rows = list(states)
    if not rows:
        return {}

    def evidence(i: int, blank: BlankRate, more: int = 0) -> PartitionsEvidence:
        k, n = counts[i].positives or 0, wells[i].part.accepted
        return concentration_evidence(
            k + more, n, volume_nl=wells[i].volume_nl, volume_cv=cvs[i], blank=blank
        )

    batch = EvidenceBatch.of([evidence(i, rates[i]) for i in rows])
    found, bound = interval(batch), upper_limit(batch)
    upper = dict(zip(rows, found.upper.tolist(), strict=True))
    few = {
        i for i in rows if states[i][0] == "detected" and (counts[i].positives or 0) < wells[i].part.accepted
    }
    higher = [i for i in rows if i in few or (states[i][0] == "quantified" and rates[i].clean)]
    if higher:
        above = EvidenceBatch.of([evidence(i, rates[i].unstained(), int(i in few)) for i in higher])
        upper |= dict(zip(higher, interval(above).upper.tolist(), strict=True))
    lower = dict(zip(rows, found.lower.tolist(), strict=True))
    seen = [i for i in rows if (counts[i].positives or 0) > 0]
    if seen:
        k, n = [counts[i].positives or 0 for i in seen], [wells[i].part.accepted for i in seen]
        for i, copies in zip(seen, exact_lower(k, n, [rates[i] for i in seen]).tolist(), strict=True):
            per_ul = copies / (wells[i].volume_nl * _UL_PER_NL)
            lower[i] = max(lower[i], per_ul * math.exp(-_TWO_SIDED * cvs[i]))
    return {
        i: _Answer(lower=lower[i], upper=upper[i], bound=float(top))
        for i, top in zip(rows, bound, strict=True)
    }


def _numbers(
    well: NamedWell, k: int, answer: _Answer, *, state: State, blank: BlankRate, volume_cv: float
) -> dict[str, float | None]:
    """Concentration of a well; none where it cannot be told, and of a stained blank, which is no sample."""
    n, volume_ul = well.part.accepted, well.volume_nl * _UL_PER_NL
    numbers: dict[str, float | None] = dict.fromkeys(("copies_per_ul", "lower", "upper", "upper_limit"))
    if k == n:
        # One-sided: what a Clopper-Pearson bound of the share says, at the lowest likely volume.
        lower = float(exact_interval(k, n, 0.90)[0]) / volume_ul
        return numbers | {"lower": lower * math.exp(-1.645 * volume_cv)}
    if state == "not evaluable" or (
        well.part.kind == "ntc" and blank.clean is not None and state == "detected"
    ):
        return numbers
    numbers["upper_limit"] = answer.bound
    if state in {"quantified", "detected"}:
        point = float(rate(k, n, blank.mean)) / volume_ul
        numbers |= {"copies_per_ul": point, "lower": answer.lower, "upper": answer.upper}
    return numbers


def _record(
    well: NamedWell,
    count: Count,
    *,
    decision: tuple[str, str],
    state: tuple[State, str],
    blank: BlankRate,
    limit: int,
    lod: float,
    volume_cv: float,
    answer: _Answer | None,
) -> DigitalWell:
    part = well.part
    numbers: dict[str, Any] = dict.fromkeys(("copies_per_ul", "lower", "upper", "upper_limit"))
    if count.positives is not None and answer is not None:
        numbers = _numbers(well, count.positives, answer, state=state[0], blank=blank, volume_cv=volume_cv)
    return DigitalWell(
        run_id=part.run_id,
        position=part.position,
        channel=part.channel,
        target=well.target,
        sample=part.sample,
        kind=part.kind,
        gate=count.method,
        threshold=count.threshold,
        positives=count.positives,
        accepted=part.accepted,
        lowest_threshold=count.lowest_threshold,
        highest_threshold=count.highest_threshold,
        lowest_positives=count.lowest_positives,
        highest_positives=count.highest_positives,
        state=state[0],
        volume_nl=well.volume_nl,
        volume_cv=volume_cv,
        volume_source=well.volume_source,
        false_positive_rate=blank.mean,
        limit_of_blank_positives=limit,
        limit_of_detection_copies_per_ul=lod,
        used=decision[0] == "used",
        decision=decision[0],
        reason=decision[1] or state[1],
        exposure=well.exposure,
        **numbers,
    )
