"""Compartments: made marrows of known composition, the real B-ALL tube, the labelled AML marrow."""

import dataclasses

import numpy as np
import pytest

from remnant.acquire.fcs import read_fcs_path
from remnant.acquire.panel import read_panel
from remnant.acquire.refusal import RefusedFileError
from remnant.assay.flow.compartments import compartment_counts, moved_edge_counts
from remnant.assay.flow.counting import count, masks
from remnant.assay.flow.cuts import otsu
from remnant.assay.flow.density import density
from remnant.assay.flow.panels import antigen_axis, checked_panel, panel_of_labels
from remnant.assay.flow.values import events_of
from remnant.errors import InputError, KnowledgeError
from remnant.knowledge.gates import gate_definitions
from remnant.pipeline.flow import statement_of, tube_compartments
from remnant.records.flow import PanelChannel
from remnant.records.gate import Axis, Gating, RectangleGate


@pytest.fixture(scope="module")
def made_counts(marrow_events):
    return compartment_counts(
        marrow_events, panel_of_labels(marrow_events.tube), definitions=gate_definitions()
    )


def test_compartments_of_a_made_marrow_hold_what_was_put_in(marrow, made_counts):
    truth = {name: int((marrow.population == place).sum()) for place, name in enumerate(marrow.populations)}
    found = {one.gate: one.events for one in made_counts.counts}
    assert found["T"] == pytest.approx(truth["T"], rel=0.03)
    assert found["progenitor"] == pytest.approx(truth["progenitor"], rel=0.1)
    lineage = sum(truth[name] for name in ("haematogones I", "haematogones II", "mature B", "B-ALL blast"))
    assert found["CD19+ B-lineage"] == pytest.approx(lineage, rel=0.03)
    assert found["myeloid"] == pytest.approx(truth["myeloid"], rel=0.03)


def test_the_unmoved_column_of_the_sensitivity_is_the_count(made_counts):
    found = {one.gate: one.events for one in made_counts.counts}
    for one in made_counts.sensitivity:
        assert one.events[one.shifts.index(0.0)] == found[one.compartment]


@pytest.mark.property
def test_moving_a_cut_up_never_adds_to_a_positive_compartment(made_counts):
    for one in made_counts.sensitivity:
        states = gate_definitions().compartment(one.compartment)
        positive = f"{one.antigen}+" in (*states.states, *states.where_measured)
        steps = np.diff(one.events)
        assert (steps <= 0).all() if positive else (steps >= 0).all()


@pytest.mark.property
def test_brighter_instruments_give_the_same_compartments(marrow):
    """Voltage doubled: cuts follow their reference cells."""
    names = [channel.label or channel.name for channel in marrow.channels]
    log = np.arcsinh(marrow.values.astype(float)[:, 2:] / 150)
    values = np.column_stack([marrow.values[:, :2], log])
    panel = tuple(PanelChannel(channel=name, antigen=name) for name in names[2:])
    first = compartment_counts(events_of(values, names), panel, definitions=gate_definitions())
    second = compartment_counts(events_of(values * 1.7, names), panel, definitions=gate_definitions())
    assert [one.events for one in first.counts] == [one.events for one in second.counts]


def test_a_panel_without_an_antigen_leaves_its_compartments_out_with_a_reason(marrow_events):
    panel = [one for one in panel_of_labels(marrow_events.tube) if one.antigen != "CD3"]
    found = compartment_counts(marrow_events, panel, definitions=gate_definitions())
    assert "T" not in {one.gate for one in found.counts}
    assert any(f.code == "flow.compartment_not_evaluable" and "CD3" in f.message for f in found.findings)


def test_too_few_reference_cells_give_no_cut(marrow_events):
    strict = dataclasses.replace(gate_definitions(), fewest_reference_events=10**9)
    found = compartment_counts(marrow_events, panel_of_labels(marrow_events.tube), definitions=strict)
    assert found.cuts == ()
    assert {finding.code for finding in found.findings} == {"flow.no_cut", "flow.compartment_not_evaluable"}


def test_a_panel_that_does_not_fit_is_refused_whole(marrow_events):
    panel = [PanelChannel(channel="none", antigen="CD34"), PanelChannel(channel="PE-A", antigen="CD34")]
    with pytest.raises(InputError) as told:
        checked_panel(panel, marrow_events.tube)
    assert len(told.value.problems) == 2


def test_panels_are_read_and_refused():
    found = read_panel("p.csv", b"channel,antigen,clone\nPE-A,CD10,HI10a\n")
    assert found == (PanelChannel(channel="PE-A", antigen="CD10", clone="HI10a"),)
    for bad in (b"channel;x\nPE-A;1\n", b"channel;antigen\n;CD10\n"):
        with pytest.raises(RefusedFileError):
            read_panel("p.csv", bad)


def test_an_unknown_compartment_is_refused():
    with pytest.raises(KnowledgeError, match="thymus"):
        gate_definitions().compartment("thymus")


@pytest.mark.definition
def test_otsu_is_the_split_of_least_variance_within():
    values = np.random.default_rng(1).permutation(np.r_[np.linspace(0, 1, 300), np.linspace(3, 5, 200)])

    def within(threshold):
        low, high = values[values < threshold], values[values >= threshold]
        return len(low) * low.var() + len(high) * high.var()

    best = min(np.linspace(0.1, 4.9, 400), key=within)
    assert within(otsu(values)) == pytest.approx(within(best), rel=1e-3)


def test_density_keeps_every_event(marrow_events):
    axes = tuple(antigen_axis(name, marrow_events.tube) for name in ("FITC-A", "PE-A"))
    grid = density(marrow_events, axes, names=("CD34", "CD38"))
    assert sum(map(sum, grid.counts)) == marrow_events.tube.events


@pytest.mark.published
def test_the_real_b_all_tube_has_the_known_share_of_b_cells(real_data):
    """Crude cuts of others: CD19+ about 47 %, CD19+CD10+ about 41 %; our cut asks for more."""
    events = read_fcs_path(real_data / "flow" / "vendor" / "facs_diva_test.fcs")[0]
    found = compartment_counts(events, panel_of_labels(events.tube), definitions=gate_definitions())
    shares = {one.gate: one.events / events.tube.events for one in found.counts}
    assert shares["CD19+ B-lineage"] == pytest.approx(0.47, abs=0.06)
    assert shares["HSC"] < 0.04
    moved = next(one for one in found.sensitivity if (one.compartment, one.antigen) == ("HSC", "CD34"))
    assert max(moved.events) > 10 * min(moved.events)


@pytest.mark.published
def test_the_denominator_holds_dim_blasts_of_the_labelled_marrow(aml):
    """Otsu's cut of CD45 lies between bright cells and dim blasts: by itself it would leave the blasts out."""
    events, classes = aml
    panel = [PanelChannel(channel=one.name, antigen=one.name) for one in events.tube.channels]
    found = tube_compartments(events, panel)
    bright = masks(events, found.gating, ["CD45+"])["CD45+"]
    assert bright[classes >= 8].mean() < 0.05
    assert bright[classes == 0].mean() > 0.95
    counts = {one.gate: one for one in found.counts}
    own = counts["LSC-like"]
    said = statement_of(found.counts, events.tube.events, gate="LSC-like", lesion="LSC")
    assert said.denominator_name == "CD45+"
    assert said.n == bright.sum() + own.cd45_low_events
    assert own.cd45_low_events > 0.8 * own.events
    assert "flow.cd45_low" in {one.code for one in said.findings}


def test_lsc_like_cells_of_the_labelled_marrow_are_0_2_or_23_by_the_cut(aml):
    """umapflow's labelled marrow: 0, 2 and 23 cells at CD38 below 1.2, 1.4 and 1.6."""
    events, classes = aml
    chosen = classes == 9
    kept = events_of(
        np.column_stack([column[chosen] for column in events.columns]),
        [channel.name for channel in events.tube.channels],
    )
    gate = RectangleGate(name="LSC-like", axes=(Axis(channel="CD38"),), minimum=(None,), maximum=(1.4,))
    gating = Gating(gates=(gate,))
    assert count(kept, gating)[0].events == 2
    assert moved_edge_counts(kept, gating, gate="LSC-like", channel="CD38", moves=(-0.2, 0.0, 0.2)) == (
        0,
        2,
        23,
    )
