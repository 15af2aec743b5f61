"""Could carry-over and false positives alone have given this count? The test, its reach and its limits.

The test integrates over purity and rates with the weighted sample of `remnant.numerics.compartments`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from remnant.numerics.compartments import (
    JointPosterior,
    log_binomial,
    positive_rate,
)
from remnant.numerics.sorted_gates import SortedGates, refused

__all__ = [
    "ContaminationTest",
    "contamination_test",
    "flip_purity",
    "maximum_likelihood",
    "smallest_detectable",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_NODES: Final = 256


class ContaminationTest(NamedTuple):
    """Exact test that a gate's positive nuclei are carried over and false, and nothing else.

    Attributes
    ----------
    p_value : float
        Probability of at least as many positive nuclei if the gate's own compartment is not involved,
        averaged over purity, contaminants and false positives.
    null_rate : float
        Expected share of positive nuclei under that hypothesis.
    critical_count : int
        Smallest count with ``p_value <= alpha`` for the nuclei scored.
    attained_size : float
        Probability of reaching the critical count under the hypothesis.
    nodes : ndarray of float, shape (3, v)
        Rate without own cells, gain a unit of own fraction, weight: the distribution averaged over.
    """

    p_value: float
    null_rate: float
    critical_count: int
    attained_size: float
    nodes: Floats


def contamination_test(posterior: JointPosterior, gate: int, *, alpha: float = 0.05) -> ContaminationTest:
    """Exact binomial test of "carry-over and false positives only", integrated over purity.

    Parameters
    ----------
    posterior : JointPosterior
        Joint posterior; its draws of purity, contaminants and rates are averaged over, with the gate's own
        compartment set to "not involved" and its own count left out.
    gate : int
        Which gate is tested.
    alpha : float, default 0.05
        Nominal size.

    Returns
    -------
    ContaminationTest
        P value, critical count for the nuclei scored, attained size.

    References
    ----------
    .. [1] Box, Sampling and Bayes' inference in scientific modelling and robustness, J R Stat Soc A 143,
       383-430 (1980): predictive P values.

    Examples
    --------
    >>> from remnant.numerics.compartments import involvement_prior, joint_posterior
    >>> from remnant.numerics.sorted_gates import sorted_gates
    >>> gates = sorted_gates(("HSC", "B"), [12, 190], [100, 200], [[0.94, 0.06], [0.01, 0.99]],
    ...                      false_positive=0.0025, false_negative=0.02, known=True)
    >>> test = contamination_test(joint_posterior(gates, involvement_prior(2, low=[0.0, 0.5])), 0)
    >>> round(test.p_value, 3), test.critical_count
    (0.016, 11)
    """
    gates = posterior.gates
    fraction = posterior.fraction.copy()
    fraction[:, gate] = 0.0
    rate = positive_rate(posterior.composition, posterior.rates, fraction)
    elsewhere = np.arange(len(gates.positive)) != gate
    log_weight = log_binomial(gates, rate)[:, elsewhere].sum(axis=1)
    log_weight += np.delete(posterior.log_ratio, gate, axis=1).sum(axis=1) + posterior.lean_ratio.sum(axis=1)
    weight = np.exp(log_weight - log_weight.max())
    room = 1.0 - posterior.rates[0, :, gate] - posterior.rates[1, :, gate]
    nodes = _nodes(rate[:, gate], room * posterior.composition[:, gate, gate], weight)
    k, n = gates.positive[gate], gates.scored[gate]
    tail = nodes[2] @ _at_least(np.arange(int(n) + 2), n, nodes[0][:, None])
    critical = int(np.argmax(tail <= alpha))
    null_rate = float(nodes[0] @ nodes[2])
    return ContaminationTest(float(tail[int(k)]), null_rate, critical, float(tail[critical]), nodes)


def _nodes(rate: Floats, gain: Floats, weight: Floats) -> Floats:
    """Weighted draws gathered into few nodes of equal weight, in the order of the rate."""
    order = np.argsort(rate, kind="stable")
    w = weight[order] / weight.sum()
    place = np.minimum((np.cumsum(w) * _NODES).astype(np.int64), _NODES - 1)
    mass = np.bincount(place, w, _NODES)
    filled = mass > 0
    means = [np.bincount(place, w * x[order], _NODES)[filled] / mass[filled] for x in (rate, gain)]
    return np.stack([*means, mass[filled]])


def _at_least(k: ArrayLike, n: float, rate: Floats) -> Floats:
    """P(X >= k) of a binomial."""
    count = np.asarray(k, dtype=np.float64)
    inside = special.betainc(np.maximum(count, 0.5), np.maximum(n - count + 1.0, 0.5), rate)
    tail: Floats = np.where(count <= 0, 1.0, np.where(count > n, 0.0, inside))
    return tail


def smallest_detectable(
    test: ContaminationTest, scored: int, *, critical_count: int | None = None, power: float = 0.95
) -> float:
    """Limit of detection: smallest true fraction that the test finds with the power asked.

    Parameters
    ----------
    test : ContaminationTest
        Test of the gate.
    scored : int
        Nuclei scored.
    critical_count : int or None, default None
        Count that is called positive; the test's own if None.
    power : float, default 0.95
        Wanted power.

    Returns
    -------
    float
        Fraction of the gate's own compartment; infinite if even a wholly positive one may be missed.
    """
    critical = test.critical_count if critical_count is None else critical_count
    rate, gain, weight = test.nodes

    def lack(f: float) -> float:
        return power - float(weight @ _at_least(critical, scored, np.clip(rate + gain * f, 0.0, 1.0)))

    if critical > scored or lack(1.0) > 0:
        return float("inf")
    return 0.0 if lack(0.0) <= 0 else float(optimize.brentq(lack, 0.0, 1.0, xtol=1e-7))


def flip_purity(
    positive: int,
    scored: int,
    *,
    contaminant_fraction: float,
    false_positive: float,
    false_negative: float,
    alpha: float = 0.05,
) -> float:
    """Purity at which the contamination test changes its answer.

    Parameters
    ----------
    positive, scored : int
        Nuclei of the gate.
    contaminant_fraction : float
        Positive share of the cells that are carried over; 1 is the worst case.
    false_positive, false_negative : float
        Rates of the probe.
    alpha : float, default 0.05
        Size of the test.

    Returns
    -------
    float
        Above this purity the count is significant, below it carry-over alone explains it; above 1 if no
        purity makes it significant, below 0 if every purity does.

    Examples
    --------
    >>> round(flip_purity(12, 100, contaminant_fraction=0.95, false_positive=0.0025, false_negative=0.02), 3)
    0.927
    """
    if positive == 0:
        return float("inf")
    bound = float(special.betaincinv(positive, scored - positive + 1, alpha))
    carried = (bound - false_positive) / (1.0 - false_positive - false_negative)
    if contaminant_fraction <= 0:
        return float("-inf") if carried >= 0 else float("inf")
    return 1.0 - carried / contaminant_fraction


def maximum_likelihood(gates: SortedGates) -> Floats:
    """Fractions that make the counts most probable, each between 0 and 1.

    Parameters
    ----------
    gates : SortedGates
        As many gates as compartments; expected make-up and rates are plugged in.

    Returns
    -------
    ndarray of float, shape (g,)
        The correction for purity; the solution of the linear system where that lies inside.

    Raises
    ------
    MeasurementError
        If a compartment has no gate of its own, so that its fraction is not in the data.

    Examples
    --------
    >>> from remnant.numerics.sorted_gates import sorted_gates
    >>> gates = sorted_gates(("HSC", "B"), [12, 190], [100, 200], [[0.94, 0.06], [0.01, 0.99]],
    ...                      false_positive=0.0025, false_negative=0.02, known=True)
    >>> maximum_likelihood(gates).round(4)
    array([0.0654, 0.9784])
    """
    shares = gates.composition / gates.composition.sum(axis=1, keepdims=True)
    if shares.shape[0] != shares.shape[1]:
        missing = ", ".join(gates.compartments[len(shares) :])
        raise refused([f"no gate for {missing}, seen as contaminant"])
    fp, fn = gates.false_positive[:, 0], gates.false_negative[:, 0]
    seen = (gates.positive / gates.scored - fp) / (1 - fp - fn)
    inside = np.linalg.solve(shares, seen)
    if np.all((inside >= 0) & (inside <= 1)):
        return np.asarray(inside, dtype=np.float64)

    def loss(f: Floats) -> float:
        rate = np.clip(fp + (1 - fp - fn) * (shares @ f), 1e-12, 1 - 1e-12)
        return -float(log_binomial(gates, rate).sum())

    start = np.clip(inside, 0.01, 0.99)
    found = optimize.minimize(loss, start, bounds=[(0.0, 1.0)] * len(start), method="L-BFGS-B")
    return np.clip(np.asarray(found.x, dtype=np.float64), 0.0, 1.0)
