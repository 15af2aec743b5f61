"""Mixtures, different from normal, antigen loss, sort purity and index sorts."""

import numpy as np
import pytest
from scipy import stats

from remnant.acquire.fcs import read_fcs, read_fcs_path
from remnant.assay.flow.aberrance import aberrance, different_from_normal, held_out_rate, laip_rule
from remnant.assay.flow.antigen_loss import antigen_loss
from remnant.assay.flow.counting import masks
from remnant.assay.flow.purity import index_sort, purity_matrix, sort_purity
from remnant.errors import FitError, InputError, MeasurementError
from remnant.example.marrow import made_marrow
from remnant.knowledge.flow import flow_rules
from remnant.numerics.mixture import Mixture, fitted_mixture, log_density
from remnant.records.gate import Axis, Gating, RectangleGate


def cloud(rng, n, centre, spread=1.0):
    return rng.normal(centre, spread, (n, len(centre)))


@pytest.mark.definition
def test_the_density_is_the_sum_of_its_gaussians():
    rng = np.random.default_rng(1)
    mixture = Mixture(
        np.array([0.3, 0.7]),
        np.array([[0.0, 1.0], [30.0, -2.0]]),
        np.array([[[1.0, 0.4], [0.4, 2.0]], [[0.5, 0.0], [0.0, 0.1]]]),
    )
    points = rng.normal(0, 20, (200, 2))
    literal = sum(w * stats.multivariate_normal(m, c).pdf(points) for w, m, c in zip(*mixture, strict=True))
    seen = literal > 1e-250
    assert log_density(mixture, points)[seen] == pytest.approx(np.log(literal[seen]), rel=1e-6)


def test_a_fit_finds_what_the_points_were_drawn_from():
    rng = np.random.default_rng(2)
    points = np.concatenate([cloud(rng, 3000, [0, 0]), cloud(rng, 1000, [8, 3], 0.5)])
    found = fitted_mixture(points, components=2, rng=np.random.default_rng(3))
    order = np.argsort(found.weights)
    assert found.weights[order] == pytest.approx([0.25, 0.75], abs=0.02)
    assert found.means[order[0]] == pytest.approx([8, 3], abs=0.1)
    again = fitted_mixture(points, components=2, rng=np.random.default_rng(3))
    assert np.array_equal(found.means, again.means)


def test_too_few_cells_are_not_fitted():
    with pytest.raises(FitError):
        fitted_mixture(np.zeros((3, 2)), components=1, rng=np.random.default_rng(1))
    with pytest.raises(FitError, match="values a cell"):
        laip_rule(
            np.zeros((9, 2)),
            np.zeros((9, 3)),
            components=1,
            false_positive_rate=0.1,
            rng=np.random.default_rng(1),
        )


@pytest.mark.coverage
def test_different_from_normal_keeps_its_rate_on_events_of_the_same_marrows():
    rng = np.random.default_rng(5)
    normal = np.concatenate([cloud(rng, 6000, [0, 0, 0]), cloud(rng, 2000, [5, 1, 0], 0.7)])
    rule = different_from_normal(normal, components=6, false_positive_rate=0.01, rng=rng)
    fresh = held_out_rate(
        rule, np.concatenate([cloud(rng, 6000, [0, 0, 0]), cloud(rng, 2000, [5, 1, 0], 0.7)])
    )
    assert fresh.lower <= 0.013
    assert fresh.upper >= 0.007
    assert held_out_rate(rule, cloud(rng, 500, [0, 9, 9])).rate > 0.95


def test_the_patients_phenotype_tells_blasts_from_the_nearest_normal_cells():
    rng = np.random.default_rng(6)
    normal, blasts = cloud(rng, 4000, [0, 0]), cloud(rng, 2000, [5, 0], 0.8)
    rule = laip_rule(blasts[:1000], normal, components=3, false_positive_rate=0.001, rng=rng)
    assert held_out_rate(rule, blasts[1000:]).rate > 0.9
    assert held_out_rate(rule, cloud(rng, 4000, [0, 0])).rate < 0.01
    assert aberrance(rule, np.array([[5.0, 0.0]]))[0] > aberrance(rule, np.array([[0.0, 0.0]]))[0]


def levels(rng, n, level):
    return level * np.exp(rng.normal(0, 0.5, n)) + rng.normal(0, 80, n)


def loss(negative_share, *, level=5_000, n=600, therapies=(), seed=1):
    rng = np.random.default_rng(seed)
    lost = rng.binomial(n, negative_share)
    blasts = np.concatenate([levels(rng, n - lost, level), levels(rng, lost, 60)])
    return antigen_loss(
        blasts,
        antigen="CD19",
        before=levels(rng, 2_000, 5_000),
        negative_cells=levels(rng, 1_000, 60),
        therapies=therapies,
        rules=flow_rules(),
        seed=7,
    )


def test_kept_lost_and_partly_lost_antigens_are_told_apart():
    assert loss(0.0).verdict == "kept"
    partly = loss(0.3)
    assert partly.verdict == "lost in part"
    assert partly.bimodal
    assert partly.negative_lower < 0.3 < partly.negative_upper
    assert loss(1.0).verdict == "lost"
    assert loss(0.0, level=900).verdict == "dimmer"
    assert not loss(0.0).bimodal


@pytest.mark.coverage
def test_the_interval_of_the_negative_share_covers():
    inside = [
        found.negative_lower <= 0.1 <= found.negative_upper
        for found in (loss(0.1, seed=s) for s in range(120))
    ]
    assert np.mean(inside) >= 0.9


def test_a_drug_that_covers_the_epitope_is_warned_of():
    found = loss(0.5, therapies=["Blinatumomab"])
    assert [finding.code for finding in found.findings] == ["flow.epitope_masked"]
    with pytest.raises(MeasurementError, match="blasts"):
        antigen_loss(
            np.ones(3),
            antigen="CD19",
            before=np.ones(50),
            negative_cells=np.ones(50),
            rules=flow_rules(),
            seed=1,
        )


def hsc_gates():
    axes = tuple(Axis(channel=name, compensation="FCS") for name in ("FITC-A", "PerCP-A"))
    return Gating(
        gates=(
            RectangleGate(name="HSC", axes=axes, minimum=(700.0, None), maximum=(None, 700.0)),
            RectangleGate(name="B", axes=axes, minimum=(None, 700.0), maximum=(None, None)),
        )
    )


def test_purity_counts_every_event_once():
    tube = made_marrow(3_000, blasts={"B-ALL blast": 900}, seed=2)
    events = read_fcs("re.fcs", tube.fcs())[0]
    found = sort_purity(events, hsc_gates(), compartment="HSC", compartments=["HSC", "B"])
    assert sum(found.counts) == 3_000
    assert found.lower < found.purity < found.upper
    matrix = purity_matrix([found, found])
    assert matrix.sum(axis=1) == pytest.approx([1.0, 1.0])
    with pytest.raises(MeasurementError):
        sort_purity(events, hsc_gates(), compartment="T", compartments=["HSC"])
    other = sort_purity(events, hsc_gates(), compartment="HSC", compartments=["HSC"])
    with pytest.raises(InputError):
        purity_matrix([found, other])


def test_an_index_sort_has_a_well_for_each_event(real_data):
    events = read_fcs_path(real_data / "flow" / "index_sorted" / "index_sorted_example.fcs")[0]
    gate = RectangleGate(
        name="CD19+",
        axes=(Axis(channel="RL 780/60-A", compensation="FCS"),),
        minimum=(500.0,),
        maximum=(None,),
    )
    inside = masks(events, Gating(gates=(gate,)))
    cells = index_sort(events, inside)
    assert len({(cell.row, cell.column) for cell in cells}) == 384
    assert (cells[0].row, cells[0].column, cells[-1].row, cells[-1].column) == (0, 0, 15, 0)
    assert sum(bool(cell.compartments) for cell in cells) == inside["CD19+"].sum()


def test_a_file_without_wells_is_no_index_sort(marrow_events):
    with pytest.raises(InputError, match="wells"):
        index_sort(marrow_events, {})
