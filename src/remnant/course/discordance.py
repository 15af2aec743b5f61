"""Assays of one patient and day that do not agree: compared side by side, never merged.

Two assays disagree where one is positive and the other, not detected, reached below that level; or where
their changes since diagnosis differ. A marker with several clones speaks by its highest one on the day. A
ratio of transcripts, a share of reads and a share of cells are different quantities: without levels at
diagnosis only positive and not detected are compared.

In Ph+ ALL two contradictions have a name: the fusion without the clonotype is a state of its own and not relapse, the
clonotype without the fusion the reverse. The negative assay must be negative by its own rule set.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, cast

import numpy as np

from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.verbs import change
from remnant.knowledge.signs import DisagreementRules, NamedPair, disagreement_rules
from remnant.records.disagreement import Disagreement
from remnant.records.finding import Finding
from remnant.records.judgement import Call
from remnant.records.measurement import Measurement
from remnant.units import number_text, unit_label

__all__ = ["disagreement_findings", "disagreements"]

_WIDTH_IN_SD: Final = 2 * 1.959964
_POSITIVE: Final = frozenset({"quantified", "detected"})
_COUNTED_IN_CELLS: Final = frozenset({"cell_fraction"})

_NAMED: Final = {
    "fusion without clonotype": "course.fusion_without_clonotype",
    "clonotype without fusion": "course.clonotype_without_fusion",
}

NamedKind = Literal["fusion without clonotype", "clonotype without fusion"]
Series = tuple[str, str, str, str]  # target, assay, fraction, unit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """One assay on one day, with the same series at diagnosis."""

    measurement: Measurement
    first: Measurement | None
    change: tuple[float, float, float] | None  # log10 since diagnosis: estimate, lower, upper


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """What gives a disagreement of one day its name."""

    pairs: Sequence[NamedPair]
    negative: frozenset[str]  # measurements that are negative by their rule set
    positive: frozenset[str]  # targets that are positive on the day


def disagreements(
    measurements: Iterable[Measurement],
    *,
    disease: str = "",
    calls: Iterable[Call] = (),
    rules: DisagreementRules | None = None,
) -> tuple[Disagreement, ...]:
    """Pairs of assays of one day that disagree.

    Parameters
    ----------
    measurements : iterable of Measurement
        Of one patient.
    disease : str, default ""
        Diagnosis: some disagreements have a name in some diseases only.
    calls : iterable of Call, default ()
        Verdicts: a name needs an assay that is negative by its own rule set.
    rules : DisagreementRules or None, default None
        Rules; those that ship with remnant by default.

    Returns
    -------
    tuple of Disagreement
        By date and assay.

    References
    ----------
    .. [1] Minimal residual disease in EsPhALL by IG/TR and BCR-ABL1, Haematologica (PMC5777198): the two
       agree in 69 % of samples, with an excess of BCR-ABL1.

    Examples
    --------
    >>> disagreements([])
    ()
    """
    rules = rules or disagreement_rules()
    usable = sorted(
        (
            one
            for one in measurements
            if one.state != "not evaluable" and one.target not in rules.not_compared
        ),
        key=lambda one: (one.drawn_on, one.assay_id, one.measurement_id),
    )
    levels = _levels(usable)
    days: dict[tuple[dt.date, str, str], dict[str, list[_Level]]] = defaultdict(lambda: defaultdict(list))
    for level in levels:
        m = level.measurement
        days[m.drawn_on, m.material, m.fraction][m.target].append(level)
    pairs = [
        one for one in rules.named if any(name.casefold() in disease.casefold() for name in one.diseases)
    ]
    negative = frozenset(c.measurement_id for c in calls if c.role == "decides" and c.verdict == "negative")
    found: list[tuple[tuple[str, ...], Disagreement]] = []
    latest: dict[tuple[str, ...], dt.date] = {}
    begun: dict[tuple[str, str, str, str], tuple[str, dt.date]] = {}
    for (day, material, fraction), targets in sorted(days.items(), key=lambda item: item[0]):
        seen = {
            target for target, held in targets.items() if any(x.measurement.state in _POSITIVE for x in held)
        }
        names = _Names(pairs=pairs, negative=negative, positive=frozenset(seen))
        highest = {target: max(held, key=_height) for target, held in targets.items()}
        for one, other in itertools.combinations([highest[name] for name in sorted(highest)], 2):
            said = _compared(one, other, rules, names)
            place = (material, fraction, one.measurement.target, other.measurement.target)
            kind = "" if said is None else said.kind
            first = begun[place][1] if begun.get(place, ("", day))[0] == kind and place in begun else day
            begun[place], latest[place] = (kind, first), day
            if said is not None:
                found.append((place, _since(said, first) if kind in {pair.name for pair in pairs} else said))
    return tuple(replace(said, current=said.drawn_on == latest[place]) for place, said in found)


def _since(said: Disagreement, first: dt.date) -> Disagreement:
    """A disagreement with a name lasts: since when, over consecutive days with both assays."""
    lasted = f" So on every day with both since {first}." if first < said.drawn_on else ""
    return replace(said, since=first, reason=said.reason + lasted)


def disagreement_findings(found: Sequence[Disagreement]) -> tuple[Finding, ...]:
    """What a reader should know of the disagreements of one patient.

    Parameters
    ----------
    found : sequence of Disagreement
        Of one patient, by date.

    Returns
    -------
    tuple of Finding
        One, or none.
    """
    if not found:
        return ()
    days = list(dict.fromkeys(one.drawn_on.isoformat() for one in found))
    return (
        *_named_findings(found),
        Finding(
            code="course.assays_disagree",
            severity="warning",
            subject=f"patient {found[0].patient_id}",
            message=f"Assays disagree on {', '.join(days)}. Last: {found[-1].reason}",
            advice="Repeat both. Clonal drift of IG/TR, fusion outside the blasts and loss of an antigen are causes.",
        ),
    )


def _named_findings(found: Sequence[Disagreement]) -> Iterator[Finding]:
    """States with a name that the last day with both assays shows."""
    for one in found:
        if one.since is not None and one.current:
            yield Finding(
                code=_NAMED[one.kind],
                severity="warning",
                subject=f"patient {one.patient_id}",
                message=one.reason,
                advice="Overt relapse needs its own sign; look at sorted fractions."
                if one.kind == "fusion without clonotype"
                else "Repeat the transcript; a negative of RNA alone does not reassure.",
            )


def _levels(usable: Sequence[Measurement]) -> list[_Level]:
    """Each measurement with its change since the first of its series, in one batch."""
    firsts: dict[Series, Measurement] = {}
    for one in usable:
        key = (one.target, one.assay_id, one.fraction, one.unit)
        held = firsts.get(key)
        if held is None and one.state == "quantified":
            firsts[key] = one
    pairs = [(one, firsts.get((one.target, one.assay_id, one.fraction, one.unit))) for one in usable]
    later = [i for i, (one, first) in enumerate(pairs) if first is not None and first.drawn_on < one.drawn_on]
    steps: Mapping[int, tuple[float, float, float]] = {}
    if later:
        before = [first.evidence for i in later for first in [pairs[i][1]] if first is not None]
        since = EvidenceBatch.of([pairs[i][0].evidence for i in later])
        bound = np.array([pairs[i][0].known_above is not None for i in later])
        moved = change(EvidenceBatch.of(before), since, bounds=(np.zeros_like(bound), bound))
        columns = np.stack([moved.estimate, moved.lower, moved.upper], axis=1).tolist()
        # A level of which only a bound is known has no difference from another.
        steps = {
            i: (row[0], row[1], row[2])
            for i, row in zip(later, columns, strict=True)
            if all(map(math.isfinite, row))
        }
    return [_Level(measurement=one, first=first, change=steps.get(i)) for i, (one, first) in enumerate(pairs)]


def _height(level: _Level) -> tuple[bool, float]:
    """Positive before not detected, then by level."""
    m = level.measurement
    known = (value for value in (m.estimate, m.known_above, m.upper_limit) if value is not None)
    return m.state in _POSITIVE, next(known, 0.0)


def _compared(one: _Level, other: _Level, rules: DisagreementRules, names: _Names) -> Disagreement | None:
    states = [level.measurement.state in _POSITIVE for level in (one, other)]
    if sum(states) == 0:
        return None
    if all(states):
        return _levels_differ(one, other, rules)
    positive, negative = (one, other) if states[0] else (other, one)
    return _named_pair(positive, negative, names) or _one_not_detected(positive, negative, rules)


def _named_pair(positive: _Level, negative: _Level, names: _Names) -> Disagreement | None:
    p, n = positive.measurement, negative.measurement
    for pair in names.pairs:
        fits = p.target in pair.positive and n.target in pair.negative
        if not fits or n.measurement_id not in names.negative or names.positive & pair.negative:
            continue
        reason = f"{_name(positive)} is positive and {_name(negative)} negative on {p.drawn_on}: {pair.says}; {pair.advice}."
        made = _disagreement(positive, negative, rule=pair.id, status=pair.status, reason=reason)
        return replace(made, kind=cast("NamedKind", pair.name))
    return None


def _levels_differ(one: _Level, other: _Level, rules: DisagreementRules) -> Disagreement | None:
    if one.change is None or other.change is None:
        return None
    high, low = (one, other) if one.change[0] >= other.change[0] else (other, one)
    difference, lower, upper = _difference(high, low)
    if lower is None or lower <= rules.levels_log10:
        return None
    reason = (
        f"{_name(high)} is {difference:.1f} log10 above {_name(low)} relative to diagnosis "
        f"({lower:.1f} to {upper:.1f}) on {high.measurement.drawn_on}."
    )
    rule = "levels_differ"
    return _disagreement(
        high,
        low,
        rule=rule,
        status=rules.statuses[rule],
        reason=reason,
        difference=(difference, lower, upper),
    )


def _one_not_detected(positive: _Level, negative: _Level, rules: DisagreementRules) -> Disagreement | None:
    """The positive level against the bound of the other, where one scale is known; else as it stands."""
    bound, level = _expected(positive, negative)
    if bound is not None and level is not None and math.log10(level / bound) < rules.margin_log10:
        return None
    limit = negative.measurement.upper_limit
    reached = "" if limit is None else f" (below {number_text(limit)} {_unit(negative)})"
    reason = (
        f"{_name(positive)} is {positive.measurement.state} and {_name(negative)} not detected{reached} "
        f"on {positive.measurement.drawn_on}."
    )
    rule = "one_not_detected"
    return _disagreement(positive, negative, rule=rule, status=rules.statuses[rule], reason=reason)


def _expected(positive: _Level, negative: _Level) -> tuple[float | None, float | None]:
    """Bound of the negative assay and the level the positive one lets expect there, on one scale.

    Shares of cells compare as they are; other units by the level of each at diagnosis; else None.
    """
    p, n = positive.measurement, negative.measurement
    if p.estimate is None or n.upper_limit is None:
        return None, None
    if p.unit == n.unit and p.unit in _COUNTED_IN_CELLS:
        return n.upper_limit, p.estimate
    if positive.first is None or negative.first is None:
        return None, None
    if positive.first.estimate is None or negative.first.estimate is None:
        return None, None
    return n.upper_limit / negative.first.estimate, p.estimate / positive.first.estimate


def _difference(high: _Level, low: _Level) -> tuple[float, float | None, float | None]:
    """Difference of two changes, each with its own error."""
    if high.change is None or low.change is None:
        return 0.0, None, None
    sds = [(step[2] - step[1]) / _WIDTH_IN_SD for step in (high.change, low.change)]
    estimate, half = high.change[0] - low.change[0], _WIDTH_IN_SD / 2 * math.hypot(*sds)
    return estimate, estimate - half, estimate + half


def _name(level: _Level) -> str:
    m = level.measurement
    return f"{m.target}/{m.control}" if m.control else m.target


def _unit(level: _Level) -> str:
    return unit_label(level.measurement.unit, control=level.measurement.control)


def _disagreement(
    high: _Level,
    low: _Level,
    *,
    rule: str,
    status: str,
    reason: str,
    difference: tuple[float | None, float | None, float | None] = (None, None, None),
) -> Disagreement:
    m = high.measurement
    return Disagreement(
        patient_id=m.patient_id,
        material=m.material,
        drawn_on=m.drawn_on,
        higher=m.assay_id,
        lower=low.measurement.assay_id,
        higher_measurement=m.measurement_id,
        lower_measurement=low.measurement.measurement_id,
        kind="levels differ" if rule == "levels_differ" else "one not detected",
        difference_log10=difference[0],
        difference_lower=difference[1],
        difference_upper=difference[2],
        rule_id=f"disagreement.{rule}",
        rule_status=status,
        reason=reason,
    )
