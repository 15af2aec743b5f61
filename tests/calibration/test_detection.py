"""Detection curves: against brute-force integration, published counts, and truths the model does not assume."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom, nbinom, norm, poisson

from remnant.numerics import detection_curve
from remnant.numerics.detection_curve import Detections


@pytest.mark.definition
def test_each_mechanism_is_its_count_law():
    n = np.array([0.5, 2.0, 7.0])
    limit = 4.0
    q = -np.log(0.05) / limit
    assert np.allclose(detection_curve.probability("one hit", n, limit=limit), poisson.sf(0, q * n))
    low, high, c = 0.0, 100.0, 1.0
    for _ in range(200):  # bisection: the scale at which three hits are seen in 95 % of wells at the limit
        c = (low + high) / 2
        low, high = (c, high) if poisson.sf(2, c * limit) < 0.95 else (low, c)
    assert np.allclose(
        detection_curve.probability("several hits", n, limit=limit, shape=3.0),
        poisson.sf(2, c * n),
        atol=1e-9,
    )
    spread = 0.5
    size = 1 / spread
    scale = size * (0.05 ** (-1 / size) - 1) / limit
    mean = scale * n
    assert np.allclose(
        detection_curve.probability("over-dispersion", n, limit=limit, shape=spread),
        1 - nbinom.pmf(0, size, size / (size + mean)),
    )


@pytest.mark.definition
def test_dilution_error_is_the_integral_over_each_level():
    data = Detections(np.array([1.0, 5.0, 10.0]), np.array([25, 59, 90]), np.full(3, 96))
    got = detection_curve.log_likelihood(data, "dilution error", limit=8.0, shape=0.2)
    expected = 0.0
    for copies, k, n in zip(data.copies, data.detected, data.wells, strict=True):
        value, _ = quad(
            lambda e, copies=copies, k=k, n=n: (
                norm.pdf(e, 0, 0.2) * binom.pmf(k, n, -np.expm1(np.log(0.05) * copies * 10**e / 8.0))
            ),
            -2.0,
            2.0,
            limit=400,
            points=[0.0],
        )
        expected += np.log(value)
    assert got == pytest.approx(expected, abs=1e-5)


@pytest.mark.published
def test_one_probability_fits_one_and_five_copies_and_fails_with_ten():
    """Counts of the USGS demonstration set: 25, 59 and 96 of 96 at 1, 5 and 10 copies."""
    low = Detections(np.array([1.0, 5.0]), np.array([25, 59]), np.full(2, 96))
    one = detection_curve.fit(low, "one hit")
    assert one.detection_probability == pytest.approx(0.22, abs=0.01)
    assert detection_curve.goodness_of_fit(low, one)[2] > 0.05
    three = Detections(np.array([1.0, 5.0, 10.0]), np.array([25, 59, 96]), np.full(3, 96))
    one = detection_curve.fit(three, "one hit")
    assert detection_curve.goodness_of_fit(three, one)[2] < 1e-4
    repaired = {
        model: detection_curve.against_one_hit(detection_curve.fit(three, model), one)[1]
        for model in ("dilution error", "over-dispersion", "several hits")
    }
    assert repaired["dilution error"] < 1e-3
    assert repaired["over-dispersion"] > 0.4
    assert repaired["several hits"] > 0.4


@pytest.mark.coverage
def test_limit_of_one_hit_covers_its_truth():
    rng = np.random.default_rng(31)
    copies = np.array([0.5, 1.0, 3.0, 10.0, 30.0])
    inside = []
    for _ in range(120):
        q = rng.uniform(0.3, 1.0)
        wells = np.full(5, 24)
        data = Detections(copies, rng.binomial(wells, -np.expm1(-q * copies)), wells)
        got = detection_curve.fit(data, "one hit")
        inside.append(got.lower <= -np.log(0.05) / q <= got.upper)
    assert 0.91 <= np.mean(inside) <= 0.99


@pytest.mark.coverage
def test_dilution_error_covers_where_levels_hold_other_copies_than_written():
    """Uniform errors of the dilutions, which the model does not assume; one hit alone fails there."""
    rng = np.random.default_rng(37)
    copies = np.array([0.5, 1.0, 2.0, 5.0, 10.0])
    with_error, without = [], []
    for _ in range(40):
        truth = copies * 10 ** rng.uniform(-0.3, 0.3, 5)
        wells = np.full(5, 96)
        data = Detections(copies, rng.binomial(wells, -np.expm1(-0.8 * truth)), wells)
        limit = -np.log(0.05) / 0.8
        for model, kept in (("dilution error", with_error), ("one hit", without)):
            got = detection_curve.fit(data, model)
            kept.append(got.lower <= limit <= got.upper)
    assert np.mean(with_error) >= 0.85
    assert np.mean(without) < np.mean(with_error)


def test_a_limit_needs_wells_of_both_kinds():
    data = Detections(np.array([10.0, 100.0]), np.array([8, 8]), np.array([8, 8]))
    with pytest.raises(ValueError, match="no level tells the limit"):
        detection_curve.fit(data, "one hit")


def test_dose_responses_do_not_contain_one_hit():
    data = Detections(np.array([1.0, 3.0, 10.0]), np.array([10, 18, 20]), np.full(3, 20))
    one = detection_curve.fit(data, "one hit")
    with pytest.raises(ValueError, match="does not contain one hit"):
        detection_curve.against_one_hit(detection_curve.fit(data, "probit"), one)
