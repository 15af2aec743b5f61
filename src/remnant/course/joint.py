"""WT1 and BAALC of one sample, judged together over the one control gene that they share.

A low control raises both ratios at once. The joint probabilities integrate the shared errors once, and a
state is given only where the probability of that very combination is high; all else is undecided.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from remnant.course.background import Against, both_name
from remnant.course.series import Entry
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import ErrorTerm
from remnant.evidence.verbs import joint_above
from remnant.knowledge.states import StateRules
from remnant.numerics.percentile_posterior import spread_log10
from remnant.records.judgement import Joint
from remnant.records.measurement import Baseline
from remnant.units import convert, number_text, probability_text

__all__ = ["FIRST", "SECOND", "JointState", "joint_states"]

JointState = Literal["neither", "BAALC", "WT1", "both", "undecided"]
FIRST: Final = "WT1"
SECOND: Final = "BAALC"
_NO_ERRORS: Final[tuple[ErrorTerm, ...]] = ()

_Sample = tuple[str, str, str, str, str, dt.date]  # patient, material, fraction, control, platform, date


@dataclass(frozen=True, slots=True)
class _Side:
    row: int  # of the entries
    limit: float  # in the measurement's unit
    limit_sd: float  # of a cut-off that donors taught, log10, without its named errors
    errors: tuple[ErrorTerm, ...]  # those, by name
    raised: bool


def joint_states(
    entries: Sequence[Entry],
    rows: Sequence[int],
    batch: EvidenceBatch,
    against: Against,
    *,
    baselines: Mapping[tuple[str, str, str, str], Baseline],
    states: StateRules,
) -> tuple[Joint, ...]:
    """Joint state of WT1 and BAALC in every sample that has one of them.

    Parameters
    ----------
    entries : sequence of Entry
        All entries.
    rows : sequence of int
        The evaluable ones: row i of `batch` and `against` is entry ``rows[i]``.
    batch : EvidenceBatch
        Their evidence.
    against : Against
        Their verdicts and backgrounds.
    baselines : mapping to Baseline
        Donors' backgrounds by assay, material, fraction and unit.
    states : StateRules
        Limits of undecided, and the window of synchrony.

    Returns
    -------
    tuple of Joint
        By patient, date, material.
    """
    place = {row: i for i, row in enumerate(rows)}
    found: dict[_Sample, dict[str, tuple[Entry, _Side | None]]] = defaultdict(dict)
    for row, entry in enumerate(entries):
        m = entry.measurement
        if m.target in {FIRST, SECOND} and (entry.call is not None or m.state == "not evaluable"):
            side = _side(entry, place[row], against, baselines, states=states) if row in place else None
            found[m.patient_id, m.material, m.fraction, m.control, m.platform, m.drawn_on][m.target] = (
                entry,
                side,
            )
    pairs = {
        key: (one[1], other[1])
        for key, sides in found.items()
        if (one := sides.get(FIRST, (None, None)))[1] and (other := sides.get(SECOND, (None, None)))[1]
    }
    probabilities = _probabilities(list(pairs.values()), batch)
    joint = dict(zip(pairs, probabilities, strict=True))
    judged = {key: _joint(key, sides, joint.get(key), states) for key, sides in sorted(found.items())}
    confirmed = _confirmed(judged, set(pairs), states)
    ordered = sorted(judged, key=lambda key: (key[0], key[5], key[1:5]))
    return tuple(replace(judged[key], confirmed=key in confirmed) for key in ordered)


def _side(
    entry: Entry,
    i: int,
    against: Against,
    baselines: Mapping[tuple[str, str, str, str], Baseline],
    *,
    states: StateRules,
) -> _Side:
    """Level from which the true quantity counts as raised: the cut-off, and the background where needed."""
    m, call = entry.measurement, entry.call
    limit = 0.0 if call is None else convert(call.threshold, call.unit, m.unit)
    donors = baselines.get((m.assay_id, m.material, m.fraction, m.unit))
    spread, errors = 0.0, _NO_ERRORS
    if donors is not None and call is not None and call.threshold_sd_log10 > 0:
        spread, errors = spread_log10(np.log10(donors.percentile_nodes)), donors.percentile_errors
    needed = states.z_at_least[m.target]
    if needed is not None and np.isfinite(against.centre[i]):
        own = float(10.0 ** (against.centre[i] + needed * against.sd[i]))
        if own > limit:
            limit, spread, errors = own, 0.0, both_name(m, donors)
    return _Side(i, limit, spread, errors, bool(against.raised[i]))


def _probabilities(
    pairs: Sequence[tuple[_Side, _Side]], batch: EvidenceBatch
) -> list[tuple[float, float, float]]:
    """P(first), P(second) and P(both) of each pair; pairs whose limits have the same errors are asked together."""
    alike: dict[tuple[tuple[ErrorTerm, ...], ...], list[int]] = defaultdict(list)
    for i, pair in enumerate(pairs):
        alike[pair[0].errors, pair[1].errors].append(i)
    found = np.empty((len(pairs), 3))
    for (one, other), chosen in alike.items():
        held = [pairs[i] for i in chosen]
        rows, limits, spreads = (
            [np.array([getattr(pair[k], name) for pair in held]) for k in (0, 1)]
            for name in ("row", "limit", "limit_sd")
        )
        answer = joint_above(
            batch.take(rows[0]),
            batch.take(rows[1]),
            limits[0],
            limits[1],
            limit_sd_log10=(spreads[0], spreads[1]),
            limit_errors=(one, other),
        )
        found[chosen] = np.stack([answer.first, answer.second, answer.both], axis=1)
    return [(first, second, both) for first, second, both in found.tolist()]


def _cell(first: float, second: float, both: float, high: float) -> JointState:
    cells: dict[JointState, float] = {
        "both": both,
        "WT1": first - both,
        "BAALC": second - both,
        "neither": 1.0 - first - second + both,
    }
    return next((state for state, p in cells.items() if p > high), "undecided")


_POINT: Final[dict[tuple[bool, bool], JointState]] = {
    (True, True): "both",
    (True, False): "WT1",
    (False, True): "BAALC",
    (False, False): "neither",
}


def _joint(
    key: _Sample,
    sides: dict[str, tuple[Entry, _Side | None]],
    probability: tuple[float, float, float] | None,
    states: StateRules,
) -> Joint:
    patient, material, fraction, control, platform, drawn_on = key
    entry = next(sides[marker][0] for marker in (FIRST, SECOND) if marker in sides)
    over = f"{control} (digital PCR)" if platform == "dpcr" else control
    state: JointState = "undecided"
    point: JointState = "undecided"
    if probability is None:
        absent = [
            f"{marker} {'not evaluable' if marker in sides else 'not measured'}"
            for marker in (FIRST, SECOND)
            if sides.get(marker, (None, None))[1] is None
        ]
        reason = f"Undecided: {' and '.join(absent)} over {over}."
    else:
        one, other = sides[FIRST][1], sides[SECOND][1]
        point = _POINT[one is not None and one.raised, other is not None and other.raised]
        state = _cell(*probability, high=states.borderline[1])
        first, second, both = (probability_text(p) for p in probability)
        reason = (
            f"P(WT1 raised) {first}, P(BAALC raised) {second}, P(both) {both} over one {over}; "
            f"by point values: {point}.{_copies(sides)}"
        )
    return Joint(
        patient_id=patient,
        sample_id=entry.measurement.sample_id,
        material=material,
        drawn_on=drawn_on,
        state=state,
        probability_wt1=probability[0] if probability else None,
        probability_baalc=probability[1] if probability else None,
        probability_both=probability[2] if probability else None,
        point_state=point,
        confirmed=False,
        reason=reason,
        control=control,
        fraction=fraction,
    )


def _copies(sides: dict[str, tuple[Entry, _Side | None]]) -> str:
    """Raw copies: a joint rise that comes from the control alone does not show in them."""
    shown = [
        f"{marker} {number_text(copies)}"
        for marker in (FIRST, SECOND)
        if (copies := sides[marker][0].measurement.target_copies) is not None
    ]
    return f" Raw copies: {', '.join(shown)}." if shown else ""


def _confirmed(judged: dict[_Sample, Joint], evaluable: set[_Sample], states: StateRules) -> set[_Sample]:
    """Samples with both raised whose next sample, within the window, has both raised too."""
    confirmed = set()
    line = sorted(evaluable)
    for key, after in itertools.pairwise(line):
        days = (after[5] - key[5]).days
        if (
            key[:5] == after[:5]
            and judged[key].state == judged[after].state == "both"
            and states.synchrony_from_days <= days <= states.synchrony_to_days
        ):
            confirmed.add(key)
    return confirmed
