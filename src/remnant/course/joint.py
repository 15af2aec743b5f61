"""WT1 and BAALC of one sample, judged together over the one control gene that they share.

A low control raises both ratios at once. The joint probabilities integrate the shared errors once, and a
state is given only where the probability of that very combination is high; all else is undecided.

A true quantity is raised above its cut-off and, where the marker needs it, above the limit of the patient's own
background. Where donors taught both, both move together: the higher one is taken at every node of their posterior.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from remnant.course.background import Against
from remnant.course.series import Entry
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import ErrorTerm
from remnant.evidence.verbs import joint_above
from remnant.knowledge.states import StateRules
from remnant.numerics.percentile_posterior import POPULATION_WEIGHTS, WEIGHTS, with_spreads
from remnant.records.judgement import Joint
from remnant.records.measurement import Baseline
from remnant.units import convert, number_text, probability_text

__all__ = ["FIRST", "SECOND", "JointState", "joint_states"]

JointState = Literal["neither", "BAALC", "WT1", "both", "undecided"]
FIRST: Final = "WT1"
SECOND: Final = "BAALC"
_NO_ERRORS: Final[tuple[ErrorTerm, ...]] = ()

Floats = NDArray[np.float64]
_Sample = tuple[str, str, str, str, str, dt.date]  # patient, material, fraction, control, platform, date


@dataclass(frozen=True, slots=True)
class _Side:
    row: int  # of the entries
    limits: Floats  # in the measurement's unit: one, or at the nodes of the donors' posterior
    errors: tuple[ErrorTerm, ...]  # named errors of what donors taught
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
            side = _side(entry, place[row], against, baselines) if row in place else None
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
) -> _Side:
    """Level from which the true quantity counts as raised: the cut-off, and the background where needed."""
    m, call = entry.measurement, entry.call
    limit = 0.0 if call is None else convert(call.threshold, call.unit, m.unit)
    donors = baselines.get((m.assay_id, m.material, m.fraction, m.unit))
    named = donors.percentile_errors if donors is not None else _NO_ERRORS
    limits, errors = np.array([limit]), _NO_ERRORS
    if donors is not None and call is not None and call.threshold_sd_log10 > 0:
        limits, errors = np.array(donors.percentile_nodes), named
    own = np.power(10.0, against.limits[i])
    if len(own):
        if len(limits) == 1 and np.median(own) > limit:
            errors = named
        paired = len(limits) == len(WEIGHTS) and len(own) == len(POPULATION_WEIGHTS)
        limits = np.maximum(with_spreads(limits) if paired else limits, own)
    return _Side(i, limits, errors, bool(against.raised[i]))


def _weights(count: int) -> Floats:
    """Weights of one number, of a percentile's nodes, or of nodes of percentile and spread."""
    return {len(WEIGHTS): WEIGHTS, len(POPULATION_WEIGHTS): POPULATION_WEIGHTS}.get(count, np.ones(1))


def _probabilities(
    pairs: Sequence[tuple[_Side, _Side]], batch: EvidenceBatch
) -> list[tuple[float, float, float]]:
    """P(first), P(second) and P(both) of each pair; pairs whose limits are alike in their errors are asked together."""
    alike: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for i, (one, other) in enumerate(pairs):
        alike[one.errors, other.errors, len(one.limits), len(other.limits)].append(i)
    found = np.empty((len(pairs), 3))
    for chosen in alike.values():
        first, second = ([pairs[i][k] for i in chosen] for k in (0, 1))
        answer = joint_above(
            batch.take(np.array([side.row for side in first])),
            batch.take(np.array([side.row for side in second])),
            np.stack([side.limits for side in first]),
            np.stack([side.limits for side in second]),
            limit_weights=(_weights(len(first[0].limits)), _weights(len(second[0].limits))),
            limit_errors=(first[0].errors, second[0].errors),
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
