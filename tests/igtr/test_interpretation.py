"""IG/TR plates: every branch of the interpretation, and the likelihood beside the verdict."""

import datetime as dt
import tomllib
from pathlib import Path

import numpy as np
import pytest

from remnant.assay.igtr.measure import igtr_rows, measure_igtr
from remnant.call.igtr import igtr_calls
from remnant.errors import MeasurementError
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.verbs import interval, log_likelihood, upper_limit
from remnant.knowledge.igtr import PROFILES
from remnant.knowledge.rules_igtr import interpret_igtr
from remnant.pipeline.stages import Facts, compute
from remnant.records.igtr import IgTrWell
from remnant.records.patient import Event, Patient
from remnant.records.sample import Sample

_TABLE = tomllib.loads(Path(__file__).with_name("vignettes.toml").read_text(encoding="utf-8"))
SHARED = {name: value for name, value in _TABLE.items() if name != "vignette"}
CASES = [{**SHARED, **one} for one in _TABLE["vignette"]]
DAY = dt.date(2021, 3, 1)
SAMPLE = Sample(sample_id="S1", patient_id="P1", material="BM", drawn_on=DAY)
PATIENT = Patient(patient_id="P1", diagnosis="Ph+ ALL")


def wells_of(case):
    rows = [("dilution", line.partition(":")[2], float(line.partition(":")[0])) for line in case["plate"]]
    rows += [
        ("background", case["background"], None),
        ("follow_up", case["wells"], None),
        ("ntc", case.get("ntc", "-"), None),
    ]
    place = 0
    for kind, cts, share in rows:
        for text in cts.split():
            place += 1
            out, ct = text.startswith("x"), text.removeprefix("x")
            yield IgTrWell(
                run_id="R1",
                position=f"{'ABCDEFGH'[place // 12]}{place % 12 + 1:02d}",
                patient_id="P1",
                rearrangement="IGH",
                kind=kind,
                sample_id="S1" if kind == "follow_up" else None,
                diagnosis_share=share,
                detected=ct != "-",
                cq=None if ct == "-" else float(ct),
                dna_ng=600.0 if kind in {"dilution", "follow_up"} else None,
                excluded="bubble" if out else None,
            )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_every_branch_of_the_interpretation(case):
    got = measure_igtr(wells_of(case), samples=[SAMPLE], profile=case.get("profile"))
    [m], [plate] = got.measurements, got.plates
    assert (plate.quantitative_share, plate.sensitive_share) == (case["quantitative"], case["sensitivity"]), (
        case["why"]
    )
    calls = igtr_calls(got.plates, got.measurements, rows=igtr_rows(), version="1")
    assert [one.verdict for one in calls] == case["verdicts"]
    assert [one.code for one in calls] == case["codes"]
    wanted = case.get("confidence", "not evaluable" if case["state"] == "not evaluable" else "robust")
    assert {one.confidence for one in calls} == {wanted}
    assert m.state == case["state"]
    assert [one.code for one in got.findings] == ([case["finding"]] if "finding" in case else [])


@pytest.mark.parametrize("case", [one for one in CASES if "profile" not in one], ids=lambda case: case["id"])
def test_the_state_of_the_course_is_by_the_rule_set(case):
    facts = Facts(
        patients=(PATIENT,),
        events=(Event(patient_id="P1", kind="remission", on=dt.date(2021, 1, 20)),),
        samples=(SAMPLE,),
        igtr_wells=tuple(wells_of(case)),
    )
    [dossier] = compute(facts)
    [deciding] = [one for one in dossier.calls if one.role == "decides"]
    assert deciding.verdict == case["level"]
    assert deciding.rule_set == "euromrd_igtr"
    if "level_code" in case:
        assert deciding.code == case["level_code"]
    assert [one.label for one in dossier.calls if one.code.startswith("igtr.")] == [
        f"EuroMRD, {one}" for one in PROFILES
    ]
    [point] = dossier.course.mrd
    assert point.assay_id == "IG/TR:IGH"


def test_vignettes_cover_every_code_and_each_says_why():
    codes = {code for case in CASES for code in case["codes"]}
    assert codes == {
        "igtr.positive", "igtr.not_quantifiable", "igtr.negative", "igtr.background", "igtr.ntc", "igtr.curve", "igtr.no_curve",
    }  # fmt: skip
    assert all(case["why"].endswith(".") for case in CASES)
    # A plate without sensitivity has no curve either; the rule alone still says which is missing.
    ask = {"background": [None] * 6, "profile": "avoid false negative", "rows": igtr_rows()}
    assert (
        interpret_igtr([30.0], quantitative_ct=None, sensitivity_ct=None, **ask).code == "igtr.no_sensitivity"
    )
    assert interpret_igtr([30.0], quantitative_ct=None, sensitivity_ct=33.0, **ask).reason.endswith(
        "no dilution is in the quantitative range."
    )
    with pytest.raises(MeasurementError):
        interpret_igtr([], quantitative_ct=33.0, sensitivity_ct=33.0, **ask)


@pytest.mark.definition
def test_the_likelihood_without_background_is_the_poisson_of_silent_wells():
    case = {**CASES[0], "background": "- " * 60, "wells": "- - -"}
    [m] = measure_igtr(wells_of(case), samples=[SAMPLE]).measurements
    cells = 3 * 600 / 0.0066
    batch = EvidenceBatch.of([m.evidence])
    shares = np.array([0.5, 1.0, 2.0]) / cells
    fall = log_likelihood(batch, shares)[0] - m.evidence.log_likelihood_at_zero
    assert fall == pytest.approx([-0.5, -1.0, -2.0], abs=0.02)
    assert m.point_value is None
    assert m.estimate is None
    assert m.limit_of_detection == 1e-5


@pytest.mark.property
def test_more_background_weakens_a_late_signal_and_leaves_an_early_one():
    def bound(background, wells):
        [m] = measure_igtr(
            wells_of({**CASES[0], "background": background, "wells": wells}), samples=[SAMPLE]
        ).measurements
        batch = EvidenceBatch.of([m.evidence])
        return float(m.evidence.log_likelihood_at_zero - max(m.evidence.log_likelihood)), float(
            upper_limit(batch)[0]
        )

    clean, noisy = bound("- - - - - -", "37.5 37.8 -"), bound("38.5 38.8 37.5 38.9 38.2 39.5", "37.5 37.8 -")
    assert clean[0] < noisy[0] <= 0  # zero is less impossible where the background gives such signals
    early = [bound(text, "31.0 31.2 31.1") for text in ("- - - - - -", "38.5 38.8 38.4 38.9 38.2 39.5")]
    assert early[0][1] == pytest.approx(early[1][1], rel=0.05)


def test_shares_are_found_again_and_the_interval_holds_them(bench):
    truth = {"S1": 3e-2, "S2": 1e-3, "S3": 2e-4, "S4": 4e-5}
    samples = [Sample(sample_id=name, patient_id="P1", material="BM", drawn_on=DAY) for name in truth]
    held = 0
    for seed in range(20):
        got = measure_igtr(list(bench(seed).wells(truth)), samples=samples).measurements
        bounds = interval(EvidenceBatch.of([m.evidence for m in got]), include=frozenset({"curve"}))
        held += sum(bounds.lower[i] <= truth[m.sample_id] <= bounds.upper[i] for i, m in enumerate(got))
    assert held >= 70  # of 80; 95 % asked, run and DNA input are not in this truth


def test_wells_of_no_sample_or_of_another_patient_are_left_out_and_said(bench):
    wells = list(bench().wells({"S1": 1e-3, "S9": 1e-3}))
    other = Sample(sample_id="S9", patient_id="P2", material="BM", drawn_on=DAY)
    got = measure_igtr(wells, samples=[other])
    assert got.measurements == ()
    assert [(one.code, one.subject) for one in got.findings] == [
        ("igtr.left_out", "sample S1"),
        ("igtr.left_out", "sample S9"),
    ]
    assert "of patient P2, the rearrangement of patient P1" in got.findings[1].message
