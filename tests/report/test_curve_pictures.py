"""Pictures of curves to look at: each well once, over a typical curve on the same scale, with both Cq."""

import dataclasses
import datetime as dt
import re

import numpy as np
import pytest

from remnant.assay.qpcr.amplification_cq import disagreements
from remnant.records.amplification import CurveResult, CurveTrace
from remnant.records.run import Well
from remnant.report import curve_pictures, curves
from remnant.report.context import Context

CONTEXT = Context(study="Example", software="remnant", written_at=dt.datetime(2020, 1, 6, tzinfo=dt.UTC))
NUMBERS = [field.name for field in dataclasses.fields(CurveResult)][5:]
CYCLES = tuple(float(cycle) for cycle in range(1, 41))


def trace(position, height=10.0, *, typical=False):
    rise = 5.0 + height / (1.0 + np.exp(-0.6 * (np.array(CYCLES) - 30.0)))
    return CurveTrace(
        run_id="R/1",
        position=position,
        target="WT1",
        typical=typical,
        cycles=CYCLES,
        fluorescence=tuple(rise.tolist()),
    )


def curve(position, cq, *, call="amplified", reason=""):
    numbers = {**dict.fromkeys(NUMBERS), "cq": cq, "cq_se": None if cq is None else 0.04}
    return CurveResult(run_id="R/1", position=position, target="WT1", call=call, reason=reason, **numbers)


def well(position, cq, sample="C-1"):
    return Well(
        run_id="R/1",
        position=position,
        target="WT1",
        sample=sample,
        kind="unknown",
        detected=cq is not None,
        cq=cq,
    )


@pytest.fixture
def looked():
    wells = [
        well("A01", 38.2),
        well("A02", None, "C-2"),
        well("A03", 25.0),
        well("A04", 25.0),
        well("A05", 24.0),
    ]
    results = [
        curve("A01", None, call="not amplified", reason="no sigmoid: a straight line or noise"),
        curve("A02", None, call="doubtful", reason="late rise"),
        curve("A03", 26.0),
        curve("A04", 26.0),
        curve("A05", 26.5),
    ]
    return disagreements(wells, results)


def lines(spec):
    return [layer["data"]["values"] for layer in spec["layer"] if layer["mark"]["type"] == "line"]


def texts(spec):
    rows = [layer["data"]["values"] for layer in spec["layer"] if layer["mark"]["type"] == "text"]
    return [row["text"] for layer in rows for row in layer]


def test_every_well_to_look_at_is_drawn_with_its_verdict_and_both_cq(looked):
    kept = [trace("A01"), trace("A02"), trace("A05")]
    spec = curve_pictures.spec(looked, kept)
    assert {"A01 WT1 C-1", "A02 WT1 C-2", "A05 WT1 C-1"} <= set(texts(spec))
    assert {
        "instrument 38.20, ours no Cq",
        "instrument no Cq, ours no Cq",
        "instrument 24.00, ours 26.50 ± 0.04",
    } <= set(texts(spec))
    assert "+1.50 cycles off the usual" in texts(spec)
    assert "doubtful: late rise" in texts(spec)
    assert len({row["key"] for row in lines(spec)[1]}) == 3


def test_well_and_typical_curve_share_one_scale(looked):
    spec = curve_pictures.spec(looked[:1], [trace("A01", 1.0), trace("A09", 10.0, typical=True)])
    typical, own = lines(spec)
    rise = [max(row["y"] for row in held) - min(row["y"] for row in held) for held in (own, typical)]
    assert rise[0] / rise[1] == pytest.approx(0.1, rel=0.01)
    assert min(row["y"] for row in typical) >= 0


def test_the_page_says_what_the_pictures_are_and_what_is_not_drawn(looked):
    page = curve_pictures.section(looked, [trace("A01")])
    assert page.caption.startswith("1 of 3 wells, the worst whose curve is doubtful")
    assert "A01, WT1, C-1: not amplified: no sigmoid" in page.figure
    assert curve_pictures.section((), ()).figure == ""
    assert "None: no curve is doubtful" in curve_pictures.section((), ()).caption
    assert "not kept" in curve_pictures.section(looked, ()).caption


def test_the_page_of_a_run_shows_them_above_its_table(looked):
    (run,) = curves.of_runs(
        [one.well for one in looked], [one.result for one in looked], traces=[trace("A01"), trace("A02")]
    )
    html = curves.run_page(run, cq_source="instrument", context=CONTEXT, synthetic=False)
    assert html.index("Curves to look at") < html.index("<svg") < html.index("Curves of run R/1")
    assert re.search(r"A02, WT1, C-2: doubtful: late rise", html)
