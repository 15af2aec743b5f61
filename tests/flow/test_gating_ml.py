"""The ISAC compliance set event for event, and gate trees written and read back."""

import numpy as np
import pytest

from remnant.acquire import RefusedFileError
from remnant.acquire.fcs import read_fcs_path
from remnant.acquire.gating_ml import read_gating_ml
from remnant.acquire.gating_ml_writing import gating_ml
from remnant.assay.flow.counting import count, masks, merged
from remnant.errors import InputError
from remnant.records.gate import Axis, Gating, RectangleGate, Scale

RENAMED = {"ParRectangle1": "ParQuadRect"}


@pytest.fixture(scope="module")
def isac(real_data):
    folder = real_data / "flow" / "gating_ml_2"
    gatings = {
        path.name: read_gating_ml(path.name, path.read_bytes()) for path in sorted(folder.glob("gml/*.xml"))
    }
    truth = {
        path.stem.removeprefix("Results_"): np.loadtxt(path).astype(bool)
        for path in folder.glob("truth/*.txt")
    }
    return read_fcs_path(folder / "data1.fcs")[0], gatings, truth


@pytest.mark.published
def test_all_51_truth_lists_of_gating_ml_2_are_met_event_for_event(isac):
    """ISAC Gating-ML 2.0 compliance set: 51 truth lists, 13,367 events each."""
    events, gatings, truth = isac
    met = set()
    for name, gating in gatings.items():
        for gate, mask in masks(events, gating).items():
            key = RENAMED.get(gate, gate)
            if key in truth:
                assert np.array_equal(mask, truth[key]), (name, gate)
                met.add(key)
    assert len(truth) == 51
    assert met == set(truth)


@pytest.mark.published
def test_counts_are_the_sums_of_the_truth_lists(isac):
    """ISAC Gating-ML 2.0 compliance set: counts of 49 gates of one document."""
    events, gatings, truth = isac
    for one in count(events, gatings["gml_all_gates.xml"]):
        assert one.events == truth[one.gate].sum()


@pytest.mark.property
def test_every_document_reads_back_as_it_was_written(isac):
    _, gatings, _ = isac
    assert len(gatings) == 47
    for gating in gatings.values():
        assert read_gating_ml("again.xml", gating_ml(gating)) == gating


def test_counts_of_two_data_sets_add_up(isac):
    events, gatings, truth = isac
    once = count(events, gatings["gml_poly1_gate.xml"])
    assert merged([once, once])[0].events == 2 * truth["Polygon1"].sum()


def test_a_biexponential_scale_is_not_written():
    scale = Scale(kind="biexponential", coefficients=(0.5, 1.0, 0.5, 1.0, 0.0, 0.0))
    gate = RectangleGate(name="G", axes=(Axis(channel="X", scale=scale),), minimum=(0.0,), maximum=(None,))
    with pytest.raises(InputError, match="biexponential"):
        gating_ml(Gating(gates=(gate,)))


@pytest.mark.parametrize(
    "text",
    [
        b"<a/>",
        b"<gating:Gating-ML xmlns:gating='http://www.isac-net.org/std/Gating-ML/v2.0/gating'><gating:RectangleGate/></gating:Gating-ML>",
        b"not xml",
    ],
)
def test_other_documents_are_refused(text):
    with pytest.raises(RefusedFileError):
        read_gating_ml("g.xml", text)
