"""Which class of cell a leukaemia arose in, as far as sorted fractions can tell.

A positive gate is not an origin: stem-cell gates may hold aberrant blasts, and HSC, MPP and LMPP cannot be
told apart from five fractions. The hypotheses are classes that differ in which lineages carry the lesion,
each with a stated probability of being visible there, and in whether those cells carry the blasts' IG/TR.
The counts enter through the joint posterior of all compartments, the same that calls rest on. Priors and
purity are varied, and the range is part of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from remnant.errors import MeasurementError
from remnant.knowledge.compartments import compartment, known_compartment
from remnant.knowledge.fish import fish_row
from remnant.knowledge.origin import (
    OriginClass,
    OriginSetting,
    clonotype_row,
    origin_classes,
    origin_settings,
)
from remnant.numerics.compartments import JointPosterior, involvement_prior, joint_posterior
from remnant.numerics.sorted_gates import aligned_gates
from remnant.records.fish import FishEstimate, FractionMarker, OriginPosterior
from remnant.units import probability_text

__all__ = ["class_probabilities", "origin"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Clonotypes:
    """IG/TR of the gates: log10 share, or its limit where not detected."""

    gate: NDArray[np.int64]
    log10_share: Floats
    detected: NDArray[np.bool_]
    sd_log10: Floats


def origin(
    estimates: Sequence[FishEstimate],
    *,
    patient_id: str,
    markers: Sequence[FractionMarker] = (),
    classes: Sequence[OriginClass] | None = None,
) -> OriginPosterior:
    """Posterior over the identifiable classes of origin of one sample.

    Parameters
    ----------
    estimates : sequence of FishEstimate
        All fractions of one sample with one probe.
    patient_id : str
        Laboratory code.
    markers : sequence of FractionMarker, default ()
        IG/TR of the same fractions; other markers are passed over.
    classes : sequence of OriginClass or None, default None
        Classes with their priors; those of `knowledge` if None.

    Returns
    -------
    OriginPosterior
        Classes that these gates cannot separate are merged and named so.

    Raises
    ------
    MeasurementError
        If the estimates are of several samples or probes, or there is none.
    """
    if len({(e.sample_id, e.probe) for e in estimates}) != 1:
        raise MeasurementError(
            where=f"patient {patient_id}",
            found=f"{len(estimates)} estimates of several samples or probes",
            needed="the fractions of one sample with one probe",
            advice="Ask for each sample by itself.",
        )
    rows = tuple(origin_classes() if classes is None else classes)
    clonotypes = _clonotypes(estimates, markers)
    posterior = _posterior(estimates, contaminants=1.0)
    groups = _groups(rows, posterior, with_clonotypes=clonotypes is not None)
    first = _merged(class_probabilities(posterior, rows, markers=clonotypes), groups)
    settings = origin_settings()
    varied = [first]
    for setting in settings:
        sample = (
            posterior
            if setting.contaminants == 1.0
            else _posterior(estimates, contaminants=setting.contaminants)
        )
        varied.append(
            _merged(class_probabilities(sample, _changed(rows, setting), markers=clonotypes), groups)
        )
    names = tuple(" or ".join(rows[i].id for i in group) for group in groups)
    leading = names[int(np.argmax(first))]
    table = np.stack(varied)
    return OriginPosterior(
        patient_id=patient_id,
        sample_id=estimates[0].sample_id,
        classes=names,
        probability=tuple(map(float, first)),
        prior=tuple(map(float, _merged(np.array([row.prior for row in rows]), groups))),
        lower=tuple(map(float, table.min(axis=0))),
        upper=tuple(map(float, table.max(axis=0))),
        settings=tuple(setting.words for setting in settings),
        leading=leading,
        uses_clonotypes=clonotypes is not None,
        reason=_reason(leading, first, table, with_clonotypes=clonotypes is not None),
    )


def _reason(leading: str, first: Floats, table: Floats, *, with_clonotypes: bool) -> str:
    place = int(np.argmax(first))
    ends = [probability_text(end) for end in (table[:, place].min(), table[:, place].max())]
    stable = bool((np.argmax(table, axis=1) == place).all())
    return (
        f"{leading} with probability {probability_text(first[place])} ({' to '.join(ends)}"
        f" over the settings{'' if stable else '; another class leads in some of them'}),"
        f" {'with' if with_clonotypes else 'without'} IG/TR of the fractions."
    )


def _posterior(estimates: Sequence[FishEstimate], *, contaminants: float) -> JointPosterior:
    """Joint posterior under the rule's prior, the odds of contaminants changed by a factor."""
    contents = []
    for e in estimates:
        parameters = np.array(e.composition)
        total, own = parameters.sum(), parameters[0] / parameters.sum()
        less = own / (own + contaminants * (1.0 - own))
        rest = parameters[1:] / max(parameters[1:].sum(), 1e-300)
        contents.append(
            dict(zip(e.evidence.compartments, total * np.array([less, *(1.0 - less) * rest]), strict=True))
        )
    gates = aligned_gates(
        [e.compartment for e in estimates],
        contents,
        [e.positive for e in estimates],
        [e.scored for e in estimates],
        false_positive=[[e.false_positive, e.false_positive_nuclei] for e in estimates],
        false_negative=[[e.false_negative, e.false_negative_nuclei] for e in estimates],
    )
    prior = involvement_prior(len(gates.compartments), probability=fish_row("rule")["prior_involved"])
    return joint_posterior(gates, prior)


def _clonotypes(estimates: Sequence[FishEstimate], markers: Sequence[FractionMarker]) -> _Clonotypes | None:
    place = {e.fraction_id: i for i, e in enumerate(estimates)}
    row = clonotype_row()
    used = [
        m
        for m in markers
        if m.marker == "IG/TR"
        and m.fraction_id in place
        and (m.share is not None or m.upper_limit is not None)
    ]
    if not used:
        return None
    values = [m.share if m.share is not None else m.upper_limit for m in used]
    return _Clonotypes(
        gate=np.array([place[m.fraction_id] for m in used]),
        log10_share=np.log10(np.maximum(np.array(values, dtype=np.float64), row["background"])),
        detected=np.array([m.share is not None for m in used]),
        sd_log10=np.array([m.sd_log10 or row["sd_log10"] for m in used]),
    )


def class_probabilities(
    posterior: JointPosterior, classes: Sequence[OriginClass], *, markers: _Clonotypes | None = None
) -> Floats:
    """Posterior probability of each class.

    Parameters
    ----------
    posterior : JointPosterior
        Joint posterior of the sample; its own prior is divided out.
    classes : sequence of OriginClass
        Hypotheses.
    markers : object or None, default None
        IG/TR of the gates.

    Returns
    -------
    ndarray of float, shape (number of classes,)
        Probabilities that sum to 1.
    """
    involved, before = posterior.involved, posterior.prior.probability
    log_before = np.where(involved, np.log(before), np.log1p(-before)).sum(axis=1)
    with np.errstate(divide="ignore"):
        log = np.array([_log_likelihood(posterior, row, log_before, markers) for row in classes])
        log += np.log([row.prior for row in classes])
    probability: Floats = np.exp(log - special.logsumexp(log))
    return probability


def _log_likelihood(
    posterior: JointPosterior, row: OriginClass, log_before: Floats, markers: _Clonotypes | None
) -> float:
    """Log of the probability of the data under a class, up to a constant."""
    visible = _visible(posterior.gates.compartments, row)
    ratio = np.where(posterior.involved, np.log(visible), np.log1p(-visible)).sum(axis=1) - log_before
    if markers is not None:
        ratio = ratio + _log_clonotypes(posterior, row, markers)
    top = float(ratio.max())
    if top == -np.inf:
        return top
    with np.errstate(divide="ignore"):
        return top + float(np.log(posterior.weight @ np.exp(ratio - top)))


def _visible(names: Sequence[str], row: OriginClass) -> Floats:
    """P(involved | class) of every compartment; a half where the tree does not know it."""
    return np.array(
        [row.visible[compartment(name).lineage] if known_compartment(name) else 0.5 for name in names]
    )


def _log_clonotypes(posterior: JointPosterior, row: OriginClass, markers: _Clonotypes) -> Floats:
    """log-likelihood of IG/TR in the gates, draw by draw; carried-over blasts carry it too."""
    names = posterior.gates.compartments
    keeps = np.array(
        [known_compartment(name) and compartment(name).lineage in row.clonotype for name in names]
    )
    share = np.einsum("mgc,mc->mg", posterior.composition, posterior.fraction * keeps)
    expected = np.log10(np.maximum(share[:, markers.gate], clonotype_row()["background"]))
    z = (markers.log10_share - expected) / markers.sd_log10
    log = np.where(
        markers.detected, -0.5 * z * z - np.log(markers.sd_log10 * np.sqrt(2 * np.pi)), special.log_ndtr(z)
    )
    total: Floats = log.sum(axis=1)
    return total


def _changed(classes: Sequence[OriginClass], setting: OriginSetting) -> tuple[OriginClass, ...]:
    """Classes under one setting of the sensitivity analysis."""
    return tuple(
        OriginClass(
            id=row.id,
            prior=1.0 / len(classes) if setting.equal else row.prior,
            visible=_odds(row.visible, setting.visible_odds),
            clonotype=row.clonotype,
            note=row.note,
        )
        for row in classes
    )


def _odds(visible: Mapping[str, float], factor: float) -> dict[str, float]:
    return {name: factor * p / (1.0 - p + factor * p) for name, p in visible.items()}


def _groups(
    classes: Sequence[OriginClass], posterior: JointPosterior, *, with_clonotypes: bool
) -> list[list[int]]:
    """Classes whose predictions for these gates are the same within the merging odds, together."""
    names = posterior.gates.compartments[: len(posterior.gates.positive)]
    limit = np.log(clonotype_row()["merge_odds"])
    groups: list[list[int]] = []
    for i, row in enumerate(classes):
        for group in groups:
            other = classes[group[0]]
            same_marks = not with_clonotypes or row.clonotype == other.clonotype
            if same_marks and _largest_log_odds(names, row, other) < limit:
                group.append(i)
                break
        else:
            groups.append([i])
    return groups


def _largest_log_odds(names: Sequence[str], one: OriginClass, other: OriginClass) -> float:
    """Largest log likelihood ratio of any pattern over these gates, both signs."""
    p, q = (np.clip(_visible(names, row), 1e-9, 1 - 1e-9) for row in (one, other))
    up, down = np.log(p / q), np.log((1 - p) / (1 - q))
    return float(max(np.maximum(up, down).sum(), -np.minimum(up, down).sum()))


def _merged(probability: Floats, groups: Sequence[Sequence[int]]) -> Floats:
    return np.array([probability[list(group)].sum() for group in groups])
