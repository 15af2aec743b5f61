"""The study as a whole: reproducible, labelled, with every awkward case where the table says."""

import numpy as np
import polars as pl
import pytest

from remnant.errors import InputError
from remnant.example import assumptions, simulate_study_a
from remnant.example.assumptions import numbers
from remnant.example.awkward import AWKWARD
from remnant.example.files import study_files

pytestmark = pytest.mark.definition


def test_same_seed_same_bytes_and_another_seed_others(study):
    again, other = simulate_study_a(), simulate_study_a(seed=21)
    first, second, third = (dict(study_files(s)) for s in (study, again, other))
    assert first == second
    assert first["events.csv"] != third["events.csv"]
    assert study.well_truth.equals(again.well_truth)


def test_curves_are_optional_and_change_nothing_else(study):
    without = simulate_study_a(curves=False)
    assert without.curves is None
    assert without.wells == study.wells
    assert without.samples == study.samples
    assert without.patient_truth.equals(study.patient_truth)


def test_worlds_differ():
    by_world = [
        simulate_study_a(world=w, patients=12, curves=False) for w in ("published", "null", "adverse")
    ]
    assert len({s.events for s in by_world}) == 3
    assert [s.world for s in by_world] == ["published", "null", "adverse"]


@pytest.mark.parametrize("arguments", [{"world": "best"}, {"patients": 0}])
def test_nonsense_is_refused(arguments):
    with pytest.raises(InputError):
        simulate_study_a(**arguments)


def test_everybody_is_labelled_synthetic(study):
    assert len(study.patients) == 50
    assert all(patient.synthetic for patient in study.patients)
    assert all("synthetic" in run.instrument for run in study.runs)


def test_every_assumption_has_its_source_and_is_used():
    rows = assumptions()
    assert len(rows) > 70
    assert all(row.source and row.says and row.unit and row.status == "unverified" for row in rows)
    package = __import__("remnant.example", fromlist=["__path__"]).__path__[0]
    source = "".join(path.read_text("utf-8") for path in __import__("pathlib").Path(package).glob("*.py"))
    families = ("control.", "abl1.")
    unused = [row.id for row in rows if f'"{row.id}"' not in source and not row.id.startswith(families)]
    assert unused == []


def test_events_and_therapies_contradict_nothing(study):
    last = {}
    for event in study.events:
        last.setdefault(event.patient_id, []).append((event.on, event.kind))
    for events in last.values():
        assert events == sorted(events, key=lambda item: item[0])
        assert events[-1][1] in {"death", "last_contact"}
        assert {"diagnosis", "transplant"} <= {kind for _, kind in events}
    ends = {patient: events[-1][0] for patient, events in last.items()}
    for sample in study.samples:
        if sample.reason != "donor":
            assert sample.drawn_on <= ends[sample.patient_id]
    for therapy in study.therapies:
        assert therapy.start_on <= (therapy.end_on or therapy.start_on) <= ends[therapy.patient_id]


def test_truth_of_patients_agrees_with_their_events(study):
    relapse = {event.patient_id: event.on for event in study.events if event.kind == "relapse"}
    transplant = {event.patient_id: event.on for event in study.events if event.kind == "transplant"}
    for row in study.patient_truth.iter_rows(named=True):
        patient = row["patient_id"]
        if row["relapse_day"] is None:
            assert patient not in relapse
        else:
            assert (relapse[patient] - transplant[patient]).days == row["relapse_day"]
            assert row["warned"] == (row["lead_days"] is not None)


@pytest.mark.parametrize("world", ["published", "null", "adverse"])
def test_every_awkward_case_is_placed(world):
    study = simulate_study_a(world=world, curves=False)
    assert [case.case for case in study.awkward] == list(AWKWARD)


@pytest.fixture(scope="module")
def at(study):
    return {case.case: case for case in study.awkward}


def wells_of(study, case, target):
    return [w for w in study.wells if w.sample == case.cdna_id and w.target == target]


def truth_of(study, case, target="WT1"):
    own = study.measurement_truth.filter((pl.col("cdna_id") == case.cdna_id) & (pl.col("target") == target))
    return own.row(0, named=True)


def sample_of(study, case):
    return next(s for s in study.samples if s.sample_id == case.sample_id)


def test_low_controls(study, at):
    low, middle = at["control_below_1000"], at["control_1000_to_10000"]
    assert 3 * truth_of(study, low)["control_copies_per_well"] < 1_000
    assert 1_000 < 2 * truth_of(study, middle)["control_copies_per_well"] < 10_000


def test_counts_at_the_limit(study, at):
    none, one = at["undetected_good_control"], at["one_of_three_positive"]
    assert [w.detected for w in wells_of(study, none, "WT1")] == [False] * 3
    assert truth_of(study, none)["control_copies_per_well"] > 3_000
    assert sum(w.detected for w in wells_of(study, one, "WT1")) == 1


def test_above_the_standards(study, at):
    truth = truth_of(study, at["above_upper_standard"])
    assert truth["target_copies_per_well"] > numbers("plate.standards_target")[-1]


def test_pairs(study, at):
    marrow = sample_of(study, at["same_day_marrow_and_blood"])
    same = [s for s in study.samples if (s.patient_id, s.drawn_on) == (marrow.patient_id, marrow.drawn_on)]
    assert {s.material for s in same} == {"BM", "PB"}
    twice = at["same_day_duplicate_cdna"].sample_id
    assert sum(cdna.sample_id == twice for cdna in study.cdnas) == 2


def test_missing_marker(study, at):
    case = at["missing_marker"]
    assert wells_of(study, case, "WT1")
    assert not wells_of(study, case, "BAALC")


def test_exposures(study, at):
    case = at["two_control_wells"]
    assert [len(wells_of(study, case, target)) for target in ("WT1", "ABL1")] == [3, 2]
    diluted = at["unequal_exposure"]
    assert {w.dilution for w in wells_of(study, diluted, "ABL1")} == {10.0}
    assert {w.dilution for w in wells_of(study, diluted, "WT1")} == {1.0}


def test_bad_wells(study, at):
    cqs = sorted(w.cq for w in wells_of(study, at["outlier_replicate"], "WT1"))
    assert cqs[2] - cqs[1] > 2
    reasons = [w.excluded for w in wells_of(study, at["excluded_well"], "WT1")]
    assert sum(reason is not None for reason in reasons) == 1


def test_bad_runs(study, at):
    standards = [w for w in study.wells if w.run_id == at["failing_curve"].run_id and w.kind == "standard"]
    wt1 = [(np.log10(w.standard_copies), w.cq) for w in standards if w.target == "WT1"]
    assert np.polyfit(*np.array(wt1).T, 1)[0] < -3.7
    ntc = [w for w in study.wells if w.run_id == at["contaminated_ntc"].run_id and w.kind == "ntc"]
    assert {w.target for w in ntc if w.detected} == {"WT1"}
    assert all(well.cq is None for well in study.wells if well.kind == "ntc" and well not in ntc)


def test_reasons_and_quality(study, at):
    suspected = sample_of(study, at["suspected_relapse"])
    relapse = next(e for e in study.events if e.patient_id == suspected.patient_id and e.kind == "relapse")
    assert suspected.reason == "suspected_relapse"
    assert 0 < (relapse.on - suspected.drawn_on).days < 14
    assert suspected.blast_percent < 5
    assert sample_of(study, at["haemodilute"]).quality == "haemodilute"
    after = sample_of(study, at["intervention_between_samples"])
    given = [
        t for t in study.therapies if t.patient_id == after.patient_id and t.kind in {"dli", "azacitidine"}
    ]
    assert given[0].start_on < after.drawn_on
