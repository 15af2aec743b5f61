"""Joint posterior and contamination test: the worked example, brute-force twins, limits, refusals."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from remnant.errors import MeasurementError
from remnant.numerics.compartments import involvement_prior, joint_posterior
from remnant.numerics.contamination import (
    contamination_test,
    flip_purity,
    maximum_likelihood,
    smallest_detectable,
)
from remnant.numerics.sorted_gates import aligned_gates, sorted_gates


def worked_example():
    return sorted_gates(
        ("HSC", "B"),
        [12, 190],
        [100, 200],
        [[0.94, 0.06], [0.01, 0.99]],
        false_positive=0.0025,
        false_negative=0.02,
        known=True,
    )


@pytest.mark.definition
def test_purity_correction_of_the_worked_example():
    assert maximum_likelihood(worked_example()) == pytest.approx([0.06542, 0.97844], abs=5e-6)


@pytest.mark.definition
def test_plug_in_null_rate_p_value_and_critical_count():
    plug = sorted_gates(
        ("HSC", "B"),
        [12, 190],
        [100, 200],
        [[0.94, 0.06], [0.01, 0.99]],
        false_positive=0.0025,
        false_negative=0.02,
        known=True,
    )
    f_b = float(maximum_likelihood(plug)[1])
    prior = involvement_prior(2, probability=[0.5, 1.0], low=[0.0, f_b - 1e-9], high=[1.0, f_b])
    test = contamination_test(joint_posterior(plug, prior, draws=64), 0)
    assert test.null_rate == pytest.approx(0.05989, abs=5e-6)
    assert test.p_value == pytest.approx(0.0165, abs=5e-5)
    assert test.critical_count == 11


@pytest.mark.definition
def test_bayes_factor_of_the_worked_example():
    prior = involvement_prior(2, probability=[0.5, 1.0], low=[0.0, 0.5])
    posterior = joint_posterior(worked_example(), prior, draws=2**18)
    assert posterior.bayes_factor[0] == pytest.approx(1.136345, abs=2.5e-5)


@pytest.mark.definition
def test_bayes_factor_equals_plain_quadrature():
    f, w = np.polynomial.legendre.leggauss(200)
    hsc, b = (f + 1) / 2, 0.75 + f / 4
    rate = 0.0025 + 0.9775 * (0.94 * hsc[:, None] + 0.06 * b)
    rate_b = 0.0025 + 0.9775 * (0.01 * hsc[:, None] + 0.99 * b)
    like = stats.binom.pmf(12, 100, rate) * stats.binom.pmf(190, 200, rate_b)
    null = stats.binom.pmf(12, 100, 0.0025 + 0.9775 * 0.06 * b)
    null *= stats.binom.pmf(190, 200, 0.0025 + 0.9775 * 0.99 * b)
    exact = (w[:, None] * w * like).sum() / 4 / ((w * null).sum() / 2)
    assert exact == pytest.approx(1.1363, abs=5e-5)


@pytest.mark.definition
def test_uniform_posterior_of_the_worked_example():
    prior = involvement_prior(2, probability=1.0, low=[0.0, 0.5])
    posterior = joint_posterior(worked_example(), prior, draws=2**14)
    assert posterior.mean()[0] == pytest.approx(0.0745, abs=2e-4)
    assert posterior.quantile([0.025, 0.5, 0.975])[:, 0] == pytest.approx([0.0145, 0.0715, 0.1515], abs=3e-4)
    assert posterior.weight @ (posterior.fraction[:, 0] > 0.01) == pytest.approx(0.985, abs=1e-3)


@pytest.mark.definition
@pytest.mark.parametrize(("alpha", "beta", "factor"), [(2, 2, 0.44), (1, 9, 5.5)])
def test_bayes_factor_hangs_on_the_prior_of_the_fraction(alpha, beta, factor):
    f_b = 0.97844
    prior = involvement_prior(
        2, probability=[0.5, 1.0], alpha=[alpha, 1], beta=[beta, 1], low=[0.0, f_b - 1e-9], high=[1.0, f_b]
    )
    posterior = joint_posterior(worked_example(), prior, draws=2**13)
    assert posterior.bayes_factor[0] == pytest.approx(factor, rel=0.011)


LOD = {
    20: (13.7, 31.0, 33.8),
    50: (8.9, 15.7, 21.8),
    100: (4.4, 10.8, 13.8),
    200: (2.9, 6.7, 9.4),
    500: (1.3, 3.9, 5.5),
}


@pytest.mark.definition
@pytest.mark.parametrize("n", LOD)
def test_limit_of_detection_table(n):
    for own, percent in zip((1.0, 0.95, 0.9), LOD[n], strict=True):
        gates = sorted_gates(
            ("HSC", "B"),
            [0, 950],
            [n, 1000],
            [[own, 1 - own], [0, 1]],
            false_positive=0.0025,
            false_negative=0.0,
            known=True,
        )
        prior = involvement_prior(2, probability=[0.5, 1.0], low=[0.0, 0.95 - 1e-9], high=[1.0, 0.95])
        test = contamination_test(joint_posterior(gates, prior, draws=64), 0)
        assert 100 * smallest_detectable(test, n) == pytest.approx(percent, abs=0.0501)


@pytest.mark.definition
@pytest.mark.parametrize(
    ("rate", "percent"), [(0.01, (20.8, 11.2, 6.6, 4.2, 2.1)), (0.03, (26.0, 14.8, 8.8, 5.5, 3.3))]
)
def test_limit_of_detection_of_pure_gates_at_other_false_positive_rates(rate, percent):
    for n, wanted in zip(LOD, percent, strict=True):
        gates = sorted_gates(("HSC",), [0], [n], [[1.0]], false_positive=rate, false_negative=0, known=True)
        test = contamination_test(joint_posterior(gates, involvement_prior(1), draws=64), 0)
        assert 100 * smallest_detectable(test, n) == pytest.approx(wanted, abs=0.0501)


@pytest.mark.definition
def test_posterior_over_patterns_equals_a_grid_with_purity_integrated():
    counts, events = (9, 45), ((94.5, 6.5), (1.5, 99.5))
    gates = sorted_gates(("HSC", "B"), counts, (60, 50), events, false_positive=0.01, false_negative=0.02)
    posterior = joint_posterior(gates, involvement_prior(2, probability=[0.3, 0.9]), draws=2**14)
    x, w = np.polynomial.legendre.leggauss(60)
    f = np.concatenate([[0.0], (x + 1) / 2])
    mass = [np.concatenate([[1 - p], p * w / 2]) for p in (0.3, 0.9)]
    own_and_other = (events[0], events[1][::-1])
    nodes = [special.betaincinv(a, b, (np.arange(200) + 0.5) / 200) for a, b in own_and_other]
    like = []
    for i, k in enumerate(counts):
        share = nodes[i][:, None, None]
        own, other = (f[:, None], f) if i == 0 else (f, f[:, None])
        rate = 0.01 + 0.97 * (share * own + (1 - share) * other)
        like.append(stats.binom.pmf(k, gates.scored[i], rate).mean(axis=0))
    joint = like[0] * like[1] * mass[0][:, None] * mass[1]
    exact = joint[1:, :].sum() / joint.sum(), joint[:, 1:].sum() / joint.sum()
    assert posterior.probability_involved == pytest.approx(exact, abs=0.01)
    assert posterior.log_evidence == pytest.approx(np.log(joint.sum()), abs=0.02)
    both = joint[1:, 1:].sum() / joint.sum()
    assert posterior.weight @ posterior.involved.all(axis=1) == pytest.approx(both, abs=0.01)


@pytest.mark.definition
def test_integrated_test_equals_quadrature_over_purity():
    gates = sorted_gates(
        ("HSC", "B"), [9, 9500], [60, 10000], [[94.5, 6.5], [1e-6, 1e6]], false_positive=0.0, false_negative=0
    )
    test = contamination_test(joint_posterior(gates, involvement_prior(2), draws=2**14), 0)
    carried = 1 - special.betaincinv(94.5, 6.5, (np.arange(4000) + 0.5) / 4000)
    exact = stats.binom.sf(8, 60, 0.95 * carried).mean()
    assert test.p_value == pytest.approx(exact, rel=0.03)


@settings(max_examples=20)
@given(k=st.integers(1, 60), purity=st.floats(0.75, 0.99))
def test_flip_purity_is_where_the_plug_in_test_reaches_its_size(k, purity):
    flips = flip_purity(k, 60, contaminant_fraction=0.95, false_positive=0.0025, false_negative=0.02)
    rate = 0.0025 + 0.9775 * (1 - purity) * 0.95
    assert (stats.binom.sf(k - 1, 60, rate) <= 0.05) == (purity >= flips)


@pytest.mark.property
@settings(max_examples=8)
@given(order=st.permutations(range(3)))
def test_order_of_gates_does_not_matter(order):
    names, k, n = ("HSC", "myeloid", "B"), (20, 3, 190), (60, 200, 200)
    contents = ({"HSC": 93.5, "B": 7.5}, {"myeloid": 980.5, "B": 20.5}, {"B": 990.5, "myeloid": 10.5})
    pick = [names[i] for i in order]
    gates = aligned_gates(
        pick,
        [contents[i] for i in order],
        [k[i] for i in order],
        [n[i] for i in order],
        false_positive=[0.0025, 400],
        false_negative=[0.02, 200],
    )
    posterior = joint_posterior(gates, involvement_prior(3))
    found = dict(zip(gates.compartments, posterior.probability_involved, strict=True))
    assert found["HSC"] > 0.999
    assert found["B"] > 0.999
    assert found["myeloid"] < 0.05


@pytest.mark.property
@pytest.mark.parametrize("n", range(1, 11))
def test_tiny_counts_give_probabilities(n):
    for k in range(n + 1):
        gates = sorted_gates(
            ("HSC",), [k], [n], [[1.0]], false_positive=0.0025, false_negative=0.02, known=True
        )
        posterior = joint_posterior(gates, involvement_prior(1), draws=256)
        test = contamination_test(posterior, 0)
        assert 0.0 <= posterior.probability_involved[0] <= 1.0
        assert test.p_value == pytest.approx(stats.binom.sf(k - 1, n, 0.0025), rel=1e-9)
        assert (test.p_value <= 0.05) == (k >= test.critical_count)


def test_more_contaminants_lower_the_posterior():
    found = []
    for purity in (0.99, 0.95, 0.9, 0.8):
        gates = sorted_gates(
            ("HSC", "B"),
            [12, 190],
            [100, 200],
            [[purity, 1 - purity], [0, 1]],
            false_positive=0.0025,
            false_negative=0.02,
            known=True,
        )
        found.append(joint_posterior(gates, involvement_prior(2)).probability_involved[0])
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.95
    assert found[-1] < 0.1


def test_contaminant_without_a_gate_is_integrated_over_its_prior():
    gates = aligned_gates(
        ["HSC"], [{"HSC": 90.5, "B": 10.5}], [10], [100], false_positive=0.0025, false_negative=0.02
    )
    posterior = joint_posterior(gates, involvement_prior(2))
    assert posterior.gates.compartments == ("HSC", "B")
    assert 0.05 < posterior.quantile([0.5])[0, 1] < 0.999
    with pytest.raises(MeasurementError, match="no gate for B"):
        maximum_likelihood(gates)


def test_all_problems_are_named_at_once():
    with pytest.raises(MeasurementError) as caught:
        sorted_gates(
            ("HSC", "T", "B"),
            [5, 0, 300],
            [4, 0, 200],
            [[0.9, 0.0, 0.05], [0, 1, 0], [0, 0, 1]],
            false_positive=0.6,
            false_negative=0.5,
            known=True,
        )
    text = str(caught.value)
    for part in ("5 of 4", "0 nuclei scored", "300 of 200", "shares sum to 0.95", "rates 0.6 and 0.5"):
        assert part in text


def test_singular_purity_matrix_is_refused_with_its_rows():
    with pytest.raises(MeasurementError, match=r"gates HSC \(row 1\) and MPP \(row 2\)"):
        sorted_gates(
            ("HSC", "MPP", "B"),
            [1, 1, 1],
            [10, 10, 10],
            [[50, 50, 0], [50, 50, 0], [0, 0, 1]],
            false_positive=0,
            false_negative=0,
        )


def test_maximum_likelihood_stays_inside_where_the_linear_solution_does_not():
    gates = sorted_gates(
        ("HSC", "B"),
        [1, 190],
        [100, 200],
        [[0.9, 0.1], [0.01, 0.99]],
        false_positive=0.0025,
        false_negative=0.02,
        known=True,
    )
    fractions = maximum_likelihood(gates)
    assert fractions[0] == pytest.approx(0.0, abs=1e-6)
    best = min(
        -(stats.binom.logpmf(1, 100, 0.0025 + 0.9775 * (0.9 * a + 0.1 * b)))
        - stats.binom.logpmf(190, 200, 0.0025 + 0.9775 * (0.01 * a + 0.99 * b))
        for a, b in itertools.product(np.linspace(0, 0.05, 20), np.linspace(0, 1, 400))
    )
    rate = 0.0025 + 0.9775 * np.array([[0.9, 0.1], [0.01, 0.99]]) @ fractions
    assert -stats.binom.logpmf([1, 190], [100, 200], rate).sum() <= best + 1e-4
