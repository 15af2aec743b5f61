"""Files in, facts out: nothing lost, nothing twice, contradictions shown and refused."""

import contextlib
import datetime as dt
import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from remnant.errors import ConflictError, InputError, NotFoundError
from remnant.records.frames import to_frame
from remnant.records.measurement import ReportedValue
from remnant.records.patient import Event, Patient
from remnant.records.run import Run, Well
from remnant.records.sample import Sample
from remnant.study.audit import audit_trail
from remnant.study.check import check_study
from remnant.study.fact_tables import FACTS
from remnant.study.facts import facts, facts_frame, imported_files, source_files
from remnant.study.findings import import_findings
from remnant.study.originals import original_bytes
from remnant.study.store import import_transaction, retract, store_acquired
from remnant.study.versions import fingerprint

DAY = dt.date(2020, 4, 3)


def state(study):
    """Everything that an import may change, except the instant."""
    held = {kind.table.name: facts(study, kind.record) for kind in FACTS}
    return held, imported_files(study), audit_trail(study), sorted(study.originals.iterdir())


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.table.name)
def test_every_fact_comes_back_equal(study, everything, kind):
    acquired, data = everything
    store_acquired(study, acquired, data, by="anna")
    expected = getattr(acquired, kind.attribute)
    if kind.record is Run:
        expected = tuple(replace(run, source_sha256=acquired.source.sha256) for run in expected)
    assert facts(study, kind.record) == expected
    assert_frame_equal(facts_frame(study, kind.record), to_frame(expected, kind.record))


def test_the_file_itself_is_kept_with_its_findings(study, everything):
    acquired, data = everything
    stored = store_acquired(study, acquired, data, by="anna")
    assert stored.outcome == "imported"
    assert stored.counts["well"] == 3
    assert source_files(study) == (acquired.source,)
    assert original_bytes(study, acquired.source.sha256) == data
    assert import_findings(study) == acquired.findings


@pytest.mark.property
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cq=st.floats(min_value=1, max_value=60),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_any_number_and_any_text_survive(study, file, cq, text):
    well = Well(
        run_id="R", position=str((cq, text)), target=text, sample=text, kind="unknown", detected=True, cq=cq
    )
    acquired, data = file(f"{(cq, text)!r}.csv", wells=(well,))
    store_acquired(study, acquired, data, by="anna")
    assert well in facts(study, Well)


def test_the_same_file_twice_changes_nothing(study, plate):
    store_acquired(study, *plate("R-1"), by="anna")
    before = state(study)
    again = store_acquired(study, *plate("R-1"), by="boris")
    assert again.outcome == "unchanged"
    assert state(study) == before


def test_the_same_facts_in_another_file_are_given_once_and_outlive_the_first(study, plate):
    store_acquired(study, *plate("R-1"), by="anna")
    held = facts(study, Well)
    store_acquired(study, *plate("R-1", name="copy of R-1.rdml"), by="anna")
    assert facts(study, Well) == held
    retract(study, "R-1.rdml", reason="wrong name", by="anna")
    assert facts(study, Well) == held


def test_other_content_under_the_same_key_is_a_conflict_and_stores_nothing(study, plate):
    store_acquired(study, *plate("R-1"), by="anna")
    before = state(study)
    with pytest.raises(ConflictError) as refused:
        store_acquired(study, *plate("R-1", cq=25.0, name="again.rdml"), by="anna")
    assert "--supersedes" in str(refused.value)
    assert refused.value.problems[0] == "well R-1:A01:WT1: cq is 25.0 in R-1.rdml, here 26.0"
    assert len(refused.value.problems) == 7  # all of them; the undetected well agrees
    assert state(study) == before


def test_an_exclusion_that_appears_is_a_conflict(study, plate, file):
    acquired, data = plate("R-1")
    store_acquired(study, acquired, data, by="anna")
    with pytest.raises(ConflictError, match=r"excluded is empty in R-1\.rdml, here bubble"):
        store_acquired(
            study, *file("b.csv", wells=(replace(acquired.wells[0], excluded="bubble"),)), by="anna"
        )


def test_a_superseding_file_takes_the_place_and_the_original_stays(study, plate):
    old, old_data = plate("R-1")
    store_acquired(study, old, old_data, by="anna")
    new, data = plate("R-1", cq=25.0, name="again.rdml", count=4)
    stored = store_acquired(study, new, data, by="boris", supersedes="R-1.rdml")
    assert stored.superseded == "R-1.rdml"
    assert facts(study, Well) == new.wells
    assert original_bytes(study, old.source.sha256) == old_data
    first, second = imported_files(study)
    assert (first.state, first.superseded_by, second.state) == ("superseded", new.source.sha256, "active")
    entry = audit_trail(study)[-1]
    assert (entry.action, entry.by, entry.subject) == ("supersede", "boris", "file again.rdml")
    assert json.loads(entry.detail)["supersedes"] == {"name": "R-1.rdml", "sha256": old.source.sha256}
    assert check_study(study) == ()


def test_superseding_still_conflicts_with_the_other_files(study, plate):
    for run_id in ("R-1", "R-2"):
        store_acquired(study, *plate(run_id), by="anna")
    with pytest.raises(ConflictError, match=r"R-2\.rdml"):
        store_acquired(study, *plate("R-2", cq=30.0, name="new.rdml"), by="anna", supersedes="R-1.rdml")
    assert {file.state for file in imported_files(study)} == {"active"}


def test_retraction_hides_the_facts_and_keeps_everything_else(study, plate):
    acquired, data = plate("R-1")
    store_acquired(study, acquired, data, by="anna")
    retract(study, acquired.source.sha256[:12], reason="wrong patient list", by="boris")
    assert facts(study, Well) == ()
    assert original_bytes(study, acquired.source.sha256) == data
    entry = audit_trail(study)[-1]
    assert (entry.action, json.loads(entry.detail)["reason"]) == ("retract", "wrong patient list")
    again = store_acquired(study, acquired, data, by="anna")
    assert again.outcome == "imported"
    assert facts(study, Well) == acquired.wells
    assert [file.state for file in imported_files(study)] == ["retracted", "active"]
    assert check_study(study) == ()


def test_retraction_needs_a_reason_and_a_file(study, plate):
    store_acquired(study, *plate("R-1"), by="anna")
    with pytest.raises(InputError, match="no reason"):
        retract(study, "R-1.rdml", reason=" ", by="anna")
    with pytest.raises(NotFoundError, match=r"Did you mean R-1\.rdml\?"):
        retract(study, "R-2.rdml", reason="typo", by="anna")


def test_a_name_that_two_files_share_must_be_given_as_hash(study, plate):
    for run_id in ("R-1", "R-2"):
        store_acquired(study, *plate(run_id, name="plate.rdml"), by="anna")
    with pytest.raises(InputError, match="Give the hash instead") as refused:
        retract(study, "plate.rdml", reason="mistake", by="anna")
    assert len(refused.value.problems) == 2


def test_files_complement_each_other(study, plate, file):
    sheet = Run(run_id="R-1", kit_lot="L7", cdna_ul_per_well=5.0)
    store_acquired(study, *file("runs.csv", runs=(sheet,)), by="anna")
    rdml, data = plate("R-1")
    store_acquired(study, rdml, data, by="anna")
    assert facts(study, Run) == (
        Run(
            run_id="R-1",
            run_on=DAY,
            instrument="LC480",
            kit_lot="L7",
            cdna_ul_per_well=5.0,
            cycles=45,
            source_sha256=rdml.source.sha256,
        ),
    )


def test_files_that_complement_may_not_contradict(study, plate, file):
    store_acquired(study, *plate("R-1"), by="anna")
    with pytest.raises(ConflictError, match=r"run R-1: run_on is 2020-04-03 in R-1\.rdml, here 2020-04-04"):
        store_acquired(
            study, *file("runs.csv", runs=(Run(run_id="R-1", run_on=dt.date(2020, 4, 4)),)), by="anna"
        )


def test_synthetic_patients_stay_labelled(study, file):
    for name, synthetic in (("a.csv", False), ("b.csv", True), ("c.csv", False)):
        patient = Patient(patient_id="P1", diagnosis="AML", synthetic=synthetic)
        store_acquired(study, *file(name, patients=(patient,)), by="anna")
    assert facts(study, Patient) == (Patient(patient_id="P1", diagnosis="AML", synthetic=True),)


def sample(**changes):
    return Sample(**{"sample_id": "S-1", "patient_id": "P1", "material": "BM", "drawn_on": DAY, **changes})


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"patient_id": "P2"}, "patient_id is P1 in a.csv, here P2"),
        ({"drawn_on": dt.date(2020, 3, 4)}, "drawn_on is 2020-04-03 in a.csv, here 2020-03-04"),
        ({"material": "PB"}, "material is BM in a.csv, here PB"),
    ],
)
def test_one_sample_has_one_patient_day_and_material(study, file, change, shown):
    store_acquired(study, *file("a.csv", samples=(sample(),)), by="anna")
    with pytest.raises(ConflictError, match=shown):
        store_acquired(study, *file("b.csv", samples=(sample(**change),)), by="anna")
    value = {"target": "WT1", "control": "ABL1", "unit": "per_1e4", "value": 3.0}
    names = {"sample_id": "S-1", "patient_id": "P1", "drawn_on": DAY, "material": "BM"}
    store_acquired(study, *file("c.csv", reported=(ReportedValue(**names, **value),)), by="anna")
    with pytest.raises(ConflictError, match=shown):
        store_acquired(
            study, *file("d.csv", reported=(ReportedValue(**{**names, **change}, **value),)), by="anna"
        )


def test_a_sample_table_is_checked_against_reported_values(study, file):
    value = ReportedValue(
        sample_id="S-1", patient_id="P9", target="WT1", control="ABL1", unit="per_1e4", value=3.0
    )
    store_acquired(study, *file("reported.csv", reported=(value,)), by="anna")
    with pytest.raises(ConflictError, match=r"patient_id is P9 in reported\.csv, here P1"):
        store_acquired(study, *file("samples.csv", samples=(sample(),)), by="anna")


def test_events_of_one_day_are_compared_as_a_set(study, file):
    skin, gut = (Event(patient_id="P1", kind="acute_gvhd", on=DAY, detail=site) for site in ("skin", "gut"))
    store_acquired(study, *file("a.csv", events=(skin, gut)), by="anna")
    store_acquired(study, *file("b.csv", events=(gut, skin)), by="anna")
    assert facts(study, Event) == (skin, gut)
    with pytest.raises(ConflictError, match=r"records is .*gut.* and .*skin.* in a\.csv, here .*skin"):
        store_acquired(study, *file("c.csv", events=(skin,)), by="anna")


def test_a_file_may_not_contradict_itself(study, file):
    one = Well(run_id="R", position="A01", target="WT1", sample="S", kind="unknown", detected=True, cq=20.0)
    with pytest.raises(InputError, match=r"cq is 20\.0 in a\.csv, here 21\.0"):
        store_acquired(study, *file("a.csv", wells=(one, replace(one, cq=21.0))), by="anna")


def test_nan_is_not_stored_as_nothing(study, file):
    well = Well(
        run_id="R", position="A01", target="WT1", sample="S", kind="unknown", detected=True, cq=float("nan")
    )
    with pytest.raises(InputError, match="NaN"):
        store_acquired(study, *file("a.csv", wells=(well,)), by="anna")
    assert imported_files(study) == ()


def test_records_of_other_bytes_are_refused(study, plate):
    acquired, _ = plate("R-1")
    with pytest.raises(InputError, match="hash"):
        store_acquired(study, acquired, b"other", by="anna")


def test_a_refused_file_leaves_the_transaction_of_others_as_it_was(study, plate):
    with import_transaction(study, by="anna") as transaction:
        transaction.store(*plate("R-1"))
        with pytest.raises(ConflictError):
            transaction.store(*plate("R-1", cq=30.0, name="again.rdml"))
        transaction.store(*plate("R-2"))
    assert [file.name for file in imported_files(study)] == ["R-1.rdml", "R-2.rdml"]
    assert check_study(study) == ()


@pytest.mark.parametrize("how", ["rehearse", "abandon", "error"])
def test_a_transaction_that_is_not_kept_leaves_nothing(study, plate, how):
    store_acquired(study, *plate("R-0"), by="anna")
    before = state(study)
    outcome = pytest.raises(ConflictError) if how == "error" else contextlib.nullcontext()
    with outcome, import_transaction(study, by="anna", rehearse=how == "rehearse") as transaction:
        transaction.store(*plate("R-1"))
        if how == "abandon":
            transaction.abandon()
        if how == "error":
            transaction.store(*plate("R-1", cq=30.0, name="again.rdml"))
    assert state(study) == before


def test_the_fingerprint_follows_what_counts(study, plate):
    empty = fingerprint(study)
    store_acquired(study, *plate("R-1"), by="anna")
    one = fingerprint(study)
    store_acquired(study, *plate("R-1"), by="anna")
    assert fingerprint(study) == one != empty
    retract(study, "R-1.rdml", reason="mistake", by="anna")
    assert fingerprint(study) == empty


@pytest.mark.parametrize(
    "changed",
    [
        {"active_rules": ("eln2021.wt1.bm",)},
        {"cq_source": "ours"},
        {"standard_curve": "laboratory"},
        {"gate": "two-colour"},
        {"igtr_profile": "avoid false negative"},
    ],
)
def test_the_fingerprint_follows_the_settings(study, changed):
    other = replace(study, settings=replace(study.settings, **changed))
    assert fingerprint(other) != fingerprint(study)


def test_one_difference_is_told_in_the_singular(study, file):
    first = file("a.csv", patients=(Patient(patient_id="P1", diagnosis="AML"),))
    store_acquired(study, *first, by="anna")
    other = file("b.csv", patients=(Patient(patient_id="P1", diagnosis="ALL"),))
    with pytest.raises(ConflictError, match=r"1 value that differs from a\.csv"):
        store_acquired(study, *other, by="anna")
