"""Files and folders into a study: the unit of refusal is a file, and everything is said."""

import pytest

from remnant.errors import InputError, NotFoundError
from remnant.pipeline.imports import files_under, import_paths
from remnant.records.patient import Patient
from remnant.records.run import Well
from remnant.study.audit import audit_trail
from remnant.study.check import check_study
from remnant.study.facts import facts, imported_files
from remnant.study.folder import init_study

GOOD = "patient_id,diagnosis\nP1,AML\nP2,AML\n"
OTHER = "patient_id,diagnosis\nP1,ALL\nP3,AML\n"
BAD = "patient_id,kind,on\nP1,relapse,03/04/2020\nP1,nonsense,2020-05-01\n"
CQ = "run_id;well;target;sample;cq\nR-1;A01;WT1;S-1;{}\nR-1;A02;ABL1;S-1;22,5\n"


@pytest.fixture
def study(tmp_path):
    return init_study(tmp_path / "study", name="Test", by="anna")


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "files"
    for name, text in {
        "b_events.csv": BAD,
        "a_patients.csv": GOOD,
        "plates/run1.csv": CQ.format("30,1"),
        "truth/patients.csv": OTHER,
        ".hidden.csv": OTHER,
        "~$lock.csv": OTHER,
        "plates/.cache/x.csv": OTHER,
    }.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return place


def outcomes(report):
    return {file.name: file.outcome for file in report.files}


def test_folders_are_walked_in_order_and_the_truth_is_left_out(folder):
    names = [path.relative_to(folder).as_posix() for path in files_under([folder])]
    assert names == ["a_patients.csv", "b_events.csv", "plates/run1.csv"]


def test_a_file_named_twice_is_taken_once_and_a_hidden_one_only_by_name(folder):
    hidden = folder / ".hidden.csv"
    assert len(files_under([folder, folder / "a_patients.csv"])) == 3
    assert files_under([hidden]) == (hidden,)


def test_all_absent_paths_are_named_at_once(folder):
    with pytest.raises(NotFoundError, match="2 paths that do not exist") as refused:
        files_under([folder / "x", folder, folder / "y"])
    assert refused.value.problems == (str(folder / "y"),)


def test_a_refused_file_says_everything_and_the_others_are_imported(study, folder):
    report = import_paths(study, [folder], by="anna")
    assert outcomes(report) == {
        "a_patients.csv": "imported",
        "b_events.csv": "refused",
        "run1.csv": "imported",
    }
    refused = report.files[1]
    assert len(refused.problems) == len(refused.details) == 2
    assert {problem.row for problem in refused.details} == {2, 3}
    assert report.records == {"patient": 2, "run": 1, "well": 2}
    assert [patient.patient_id for patient in facts(study, Patient)] == ["P1", "P2"]
    assert [well.cq for well in facts(study, Well)] == [30.1, 22.5]


def test_the_second_import_changes_nothing(study, folder):
    import_paths(study, [folder], by="anna")
    before = audit_trail(study)
    report = import_paths(study, [folder], by="anna")
    assert report.count("unchanged") == 2
    assert audit_trail(study) == before


def test_a_dry_run_says_the_same_and_keeps_nothing(study, folder):
    rehearsal = import_paths(study, [folder], by="anna", dry_run=True)
    assert rehearsal.dry_run
    assert imported_files(study) == ()
    assert list(study.originals.iterdir()) == []
    assert rehearsal.files == import_paths(study, [folder], by="anna").files


def test_all_or_nothing_imports_nothing_if_one_file_is_refused(study, folder):
    report = import_paths(study, [folder], by="anna", all_or_nothing=True)
    assert outcomes(report) == {
        "a_patients.csv": "not imported",
        "b_events.csv": "refused",
        "run1.csv": "not imported",
    }
    assert imported_files(study) == ()
    assert list(study.originals.iterdir()) == []
    (folder / "b_events.csv").unlink()
    report = import_paths(study, [folder], by="anna", all_or_nothing=True)
    assert report.count("imported") == 2
    assert check_study(study) == ()


@pytest.mark.parametrize("options", [{}, {"dry_run": True}, {"all_or_nothing": True}])
def test_files_of_one_command_that_contradict_each_other(study, tmp_path, options):
    for name, cq in (("a.csv", "30,1"), ("b.csv", "31,0")):
        (tmp_path / name).write_text(CQ.format(cq), encoding="utf-8")
    report = import_paths(study, [tmp_path / "a.csv", tmp_path / "b.csv"], by="anna", **options)
    first, second = report.files
    assert first.outcome == ("not imported" if "all_or_nothing" in options else "imported")
    assert second.outcome == "conflict"
    (difference,) = second.differences
    assert (difference.field, difference.stored, difference.offered) == ("cq", "30.1", "31.0")
    assert (difference.key, difference.stored_in) == ("R-1:A01:WT1", "a.csv")
    assert len(facts(study, Well)) == (0 if options else 2)


def test_a_corrected_file_supersedes(study, tmp_path):
    for name, cq in (("a.csv", "30,1"), ("b.csv", "31,0")):
        (tmp_path / name).write_text(CQ.format(cq), encoding="utf-8")
    import_paths(study, [tmp_path / "a.csv"], by="anna")
    report = import_paths(study, [tmp_path / "b.csv"], by="anna", supersedes="a.csv")
    assert report.files[0].superseded == "a.csv"
    assert [well.cq for well in facts(study, Well)] == [31.0, 22.5]


def test_only_one_file_can_supersede_another(study, folder):
    with pytest.raises(InputError, match="exactly one"):
        import_paths(study, [folder], by="anna", supersedes="a.csv")


def test_an_unreadable_file_is_refused_and_the_rest_imported(study, folder):
    (folder / "c.csv").symlink_to(folder / "nowhere")
    report = import_paths(study, [folder], by="anna")
    assert outcomes(report)["c.csv"] == "refused"
    assert report.count("imported") == 2


def test_a_file_beyond_the_size_limit_is_refused_unread(study, folder, monkeypatch):
    monkeypatch.setattr("remnant.pipeline.imports.size", lambda _: 10)
    monkeypatch.setattr("remnant.acquire.files.size", lambda _: 10)
    report = import_paths(study, [folder / "a_patients.csv"], by="anna")
    assert report.files[0].details[0].code == "file.size"


def test_progress_is_told_after_each_file(study, folder):
    told = []
    import_paths(study, [folder], by="anna", progress=lambda *step: told.append(step))
    assert told == [("import", 1, 3), ("import", 2, 3), ("import", 3, 3)]
