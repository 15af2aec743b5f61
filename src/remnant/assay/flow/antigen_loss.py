"""Loss of an antigen: blasts of now against blasts of before and the internal controls of the same tube.

Blasts come from a gate that does not use the antigen. Levels are linear compensated values of this instrument;
the shift is in log10 of medians on the asinh scale's base. An event is negative below the internal negative cells'
upper percentile, so that the share of negative blasts has two known errors: blasts of before that lay below
the cut, and negative cells that lie above it. Both are in the evidence.

References
----------
.. [1] Ashman, Bird and Zepf, Detecting bimodality in astronomical datasets, Astronomical Journal 108, 2348-2361
   (1994): modes are apart when D exceeds 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.errors import MeasurementError
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import FractionEvidence
from remnant.evidence.verbs import interval, upper_limit
from remnant.knowledge.flow import FlowRules
from remnant.numerics.mixture import fitted_mixture
from remnant.numerics.proportions import jeffreys
from remnant.records.antigen_loss import AntigenLoss
from remnant.records.finding import Finding

__all__ = ["antigen_loss"]

Floats = NDArray[np.float64]

_COFACTOR: Final = 150.0
_FEWEST: Final = 20
_RESAMPLES: Final = 400
_LOG10_LOW: Final = -6.0


def _log10(values: Floats) -> Floats:
    """Asinh with a cofactor, in units of log10: log10 at bright values, linear around zero."""
    return np.asarray(np.arcsinh(values / _COFACTOR) / np.log(10.0))


def _modes(values: Floats, rng: np.random.Generator) -> tuple[float, float]:
    """Ashman's D of two modes, and the share of the smaller."""
    mixture = fitted_mixture(_log10(values)[:, None], components=2, rng=rng)
    if len(mixture.weights) < 2:
        return 0.0, 0.0
    distance = abs(float(mixture.means[0, 0] - mixture.means[1, 0]))
    spread = float(np.sqrt(mixture.covariances[:, 0, 0].sum()))
    return float(np.sqrt(2.0)) * distance / spread, float(mixture.weights.min())


def _shift(after: Floats, before: Floats, rng: np.random.Generator) -> tuple[float, float, float]:
    first, second = _log10(before), _log10(after)
    drawn = [
        np.median(rng.choice(second, len(second))) - np.median(rng.choice(first, len(first)))
        for _ in range(_RESAMPLES)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(np.median(second) - np.median(first)), float(low), float(high)


def _verdict(share_lower: float, share: float, shift_upper: float, rules: FlowRules) -> str:
    if share > 0.95:
        return "lost"
    if share_lower > rules.pre_existing_share:
        return "lost in part"
    return "dimmer" if shift_upper < -rules.shift_log10 else "kept"


def _findings(
    antigen: str, therapies: Sequence[str], rules: FlowRules, *, negative: int
) -> tuple[Finding, ...]:
    found = [
        Finding(
            code="flow.epitope_masked",
            severity="warning",
            subject=f"antigen {antigen}",
            message=f"{mask.therapy} may cover {antigen}: an apparent loss needs a clone against another epitope.",
            found=mask.therapy,
            advice=mask.source,
        )
        for mask in rules.masks
        if mask.antigen == antigen and mask.therapy.casefold() in {t.casefold() for t in therapies}
    ]
    if negative < 10 * _FEWEST:
        found.append(
            Finding(
                code="flow.few_control_cells",
                severity="warning",
                subject=f"antigen {antigen}",
                message=f"The cut rests on {negative} internal negative cells.",
            )
        )
    return tuple(found)


def _checked(**groups: Floats) -> None:
    problems = [
        f"{name.replace('_', ' ')}: {len(values)} finite events"
        for name, values in groups.items()
        if np.isfinite(values).sum() < _FEWEST
    ]
    if problems:
        raise MeasurementError(
            where="antigen loss",
            found=f"{len(problems)} groups of cells that are too small",
            needed=f"at least {_FEWEST} events in each",
            advice="An antigen of cells that were not seen cannot be judged.",
            problems=problems,
        )


def antigen_loss(
    blasts: Floats,
    *,
    antigen: str,
    before: Floats,
    negative_cells: Floats,
    therapies: Sequence[str] = (),
    rules: FlowRules,
    seed: int,
) -> AntigenLoss:
    """Whether blasts lost an antigen since an earlier sample of the patient.

    Parameters
    ----------
    blasts : ndarray of float, shape (n,)
        Linear compensated values on blasts of now, gated without this antigen.
    antigen : str
        Antigen.
    before : ndarray of float
        The same of the earlier sample.
    negative_cells : ndarray of float
        Internal negative cells of the tube of now, such as T cells for CD19.
    therapies : sequence of str, default ()
        Drugs given, for the warning that one covers the epitope.
    rules : FlowRules
        Cuts.
    seed : int
        Of the bootstrap and the fit of two modes.

    Returns
    -------
    AntigenLoss
        Shift, negative share with interval, modes, verdict.

    Raises
    ------
    MeasurementError
        If a group has fewer than 20 events.
    """
    _checked(blasts=blasts, blasts_before=before, internal_negative_cells=negative_cells)
    rng = np.random.default_rng(seed)
    cut = float(np.quantile(negative_cells, rules.negative_percentile))
    negative, earlier = int(np.count_nonzero(blasts < cut)), int(np.count_nonzero(before < cut))
    false_negative = float(np.mean(negative_cells >= cut))
    evidence = FractionEvidence(
        k=negative,
        n=len(blasts),
        false_positive=(earlier + 0.5) / (len(before) + 1.0),
        false_negative=false_negative,
        weights=(1.0,),
        compartments=("blasts",),
        log10_low=_LOG10_LOW,
        log10_high=0.0,
    )
    shift, shift_low, shift_high = _shift(blasts, before, rng)
    share, low, high = _share(evidence)
    pre = jeffreys(earlier, len(before))
    separation, smaller = _modes(blasts, rng)
    return AntigenLoss(
        antigen=antigen,
        blasts=len(blasts),
        blasts_before=len(before),
        median=float(np.median(blasts)),
        median_before=float(np.median(before)),
        shift_log10=shift,
        shift_lower=shift_low,
        shift_upper=shift_high,
        cut=cut,
        negative=negative,
        evidence=evidence,
        negative_share=share,
        negative_lower=low,
        negative_upper=high,
        pre_existing_share=earlier / len(before),
        pre_existing_lower=float(pre.lower),
        pre_existing_upper=float(pre.upper),
        separation=separation,
        bimodal=separation > rules.separation and smaller >= rules.pre_existing_share,
        verdict=_verdict(low, share, shift_high, rules),
        findings=_findings(antigen, therapies, rules, negative=len(negative_cells)),
    )


def _share(evidence: FractionEvidence) -> tuple[float, float, float]:
    """Point share with both errors taken out, and the interval of the evidence."""
    span = 1.0 - evidence.false_positive - evidence.false_negative
    point = min(1.0, max(0.0, (evidence.k / evidence.n - evidence.false_positive) / span))
    batch = EvidenceBatch.of([evidence])
    if point == 0.0:
        return 0.0, 0.0, float(upper_limit(batch)[0])
    bounds = interval(batch)
    return point, float(bounds.lower[0]), float(bounds.upper[0])
