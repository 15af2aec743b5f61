"""Make a study, import, retract, check: what is printed, what JSON holds, and the exit codes."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from remnant.study.audit import audit_trail
from remnant.study.folder import open_study

CQ = "run_id,well,target,sample,cq\nR-1,A01,WT1,S-1,{}\n"
BAD = "patient_id,kind,on\nP1,relapse,03/04/2020\nP1,nonsense,2020-05-01\n"


def write(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_init_makes_a_study_once(remnant, tmp_path):
    made = remnant("init", tmp_path / "a", "--name", "AML", "--language", "ru", "--by", "anna", "--json")
    assert made.code == 0
    assert made.json["settings"]["name"] == "AML"
    assert open_study(tmp_path / "a").settings.language == "ru"
    again = remnant("init", tmp_path / "a")
    assert (again.code, again.out) == (4, "")
    assert "Choose another folder" in again.err


def test_a_command_to_type_holds_a_folder_with_a_space(remnant, tmp_path):
    """The proposed command, split as a shell splits it, is the next one that works."""
    place = tmp_path / "Größe (neu) 2"
    made = remnant("init", place, "--by", "anna")
    told = made.out.replace("\n", " ").partition("`remnant ")[2]
    words = shlex.split(told.rpartition("`")[0])
    assert words == ["import", str(place)]


def test_import_reports_each_file(remnant, study, good):
    answer = remnant("import", study, good, "--by", "boris")
    assert answer.code == 0
    assert "patients.csv  imported  2 patients" in answer.out
    assert "1 file: 1 imported." in answer.out
    assert audit_trail(open_study(study))[-1].by == "boris"
    again = remnant("import", study, good, "--json")
    assert [file["outcome"] for file in again.json["files"]] == ["unchanged"]


def test_the_inbox_is_imported_if_no_path_is_given(remnant, study, good):
    assert "Nothing to import." in remnant("import", study).out
    write(study / "inbox", "p.csv", good.read_text(encoding="utf-8"))
    assert remnant("import", study, "--json").json["files"][0]["name"] == "p.csv"


def test_a_refused_file_ends_with_3_and_tells_every_problem(remnant, study, good, tmp_path):
    bad = write(tmp_path, "events.csv", BAD)
    answer = remnant("import", study, good, bad)
    assert answer.code == 3
    assert "row 2" in answer.out
    assert "row 3" in answer.out
    assert "1 imported, 1 refused" in answer.out
    again = remnant("import", study, bad, "--json")
    assert again.code == 3
    assert len(again.json["files"][0]["details"]) == 2


def test_a_conflict_ends_with_4_and_shows_the_difference(remnant, study, tmp_path):
    first, second = (
        write(tmp_path, name, CQ.format(cq)) for name, cq in (("a.csv", "30.1"), ("b.csv", "31.5"))
    )
    assert remnant("import", study, first).code == 0
    conflict = remnant("import", study, second, "--json")
    assert conflict.code == 4
    assert conflict.json["files"][0]["differences"] == [
        {
            "record": "well",
            "key": "R-1:A01:WT1",
            "field": "cq",
            "stored": "30.1",
            "offered": "31.5",
            "stored_in": "a.csv",
        }
    ]
    shown = remnant("import", study, second)
    assert "cq is 30.1 in a.csv, here 31.5" in shown.out
    mended = remnant("import", study, second, "--supersedes", first)
    assert mended.code == 0
    assert "takes the place of a.csv" in mended.out


def test_a_dry_run_and_all_or_nothing_keep_nothing(remnant, study, good, tmp_path):
    assert "nothing was kept" in remnant("import", study, good, "--dry-run").out
    bad = write(tmp_path, "events.csv", BAD)
    answer = remnant("import", study, good, bad, "--all-or-nothing")
    assert (answer.code, "1 not imported, 1 refused" in answer.out) == (3, True)
    assert remnant("files", study, "--json").json == []


def test_findings_are_counted_and_judged_only_if_asked(remnant, study, tmp_path):
    path = tmp_path / "p.csv"
    path.write_bytes("patient_id,diagnosis,donor\nP1,AML,гаплоидентичный\n".encode("cp1251"))
    assert remnant("import", study, path).code == 0
    assert remnant("findings", study).code == 0
    assert remnant("findings", study, "--strict").code == 1
    (finding,) = remnant("findings", study, "--json").json
    assert finding["code"] == "table.encoding"
    other = tmp_path / "q.csv"
    other.write_bytes("patient_id,diagnosis,donor\nP2,AML,гаплоидентичный\n".encode("cp1251"))
    assert remnant("import", study, other, "--strict").code == 1


def test_retraction_is_listed_and_audited(remnant, study, good):
    remnant("import", study, good)
    answer = remnant("retract", study, "patients.csv", "--reason", "wrong list", "--by", "anna")
    assert answer.code == 0
    assert [file["state"] for file in remnant("files", study, "--json").json] == ["retracted"]
    last = remnant("audit", study, "--json").json[-1]
    assert (last["action"], last["detail"]["reason"]) == ("retract", "wrong list")
    assert "retract" in remnant("audit", study).out


def test_retraction_names_the_file_that_stays_superseded_and_how_to_restore_it(
    remnant, study, good, tmp_path
):
    remnant("import", study, good)
    better = write(tmp_path, "better.csv", "patient_id,diagnosis\nP1,ALL\n")
    assert remnant("import", study, better, "--supersedes", good.name).code == 0
    answer = remnant("retract", study, "better.csv", "--reason", "wrong", "--json")
    (older,) = answer.json["still_superseded"]
    assert older["name"] == good.name
    assert [found["code"] for found in remnant("doctor", study, "--json").json["findings"]] == [
        "study.left_superseded"
    ]
    assert remnant("import", study, good, "--json").json["files"][0]["outcome"] == "imported"
    assert remnant("doctor", study, "--json").json["findings"] == []


def test_the_same_problem_in_many_rows_is_one_line_and_each_in_json(remnant, study, tmp_path):
    bad = write(
        tmp_path, "many.csv", "patient_id,diagnosis,fab\n" + "".join(f"P{n},AML,M9\n" for n in range(400))
    )
    answer = remnant("import", study, bad)
    assert answer.out.count("M9") == 1
    assert "400 times, rows 2, 3, 4 …" in answer.out
    assert len(remnant("import", study, bad, "--json").json["files"][0]["details"]) == 400


def test_an_unknown_file_ends_with_2_and_names_the_nearest(remnant, study, good):
    remnant("import", study, good)
    answer = remnant("retract", study, "patient.csv", "--reason", "typo", "--json")
    assert answer.code == 2
    assert answer.json["error"]["kind"] == "NotFoundError"
    assert "patients.csv" in answer.json["error"]["advice"]


def test_doctor_is_content_or_ends_with_1(remnant, study, good):
    remnant("import", study, good)
    well = remnant("doctor", study, "--json")
    assert (well.code, well.json["findings"]) == (0, [])
    assert {"remnant", "python", "sqlite", "rules"} <= set(well.json["versions"])
    next(path for path in (study / "originals").iterdir()).write_bytes(b"other")
    ill = remnant("doctor", study)
    assert ill.code == 1
    assert "its original was changed" in ill.out.replace("\n", " ").lower()


def test_templates_are_written_once_and_can_be_imported(remnant, tmp_path):
    folder = tmp_path / "templates"
    assert remnant("templates", folder).code == 0
    assert (folder / "patients.csv").is_file()
    again = remnant("templates", folder)
    assert again.code == 4
    assert "nothing was overwritten" in again.err


def test_a_study_that_does_not_exist_ends_with_2(remnant, tmp_path):
    answer = remnant("doctor", tmp_path / "nowhere")
    assert answer.code == 2
    assert "remnant init FOLDER" in answer.err


def test_text_from_files_is_never_taken_for_markup(remnant, study):
    write(study / "inbox", "[bold]x.csv", "patient_id,diagnosis\nP1,AML\n")
    assert "[bold]x.csv" in remnant("import", study).out


def run(*arguments, **options):
    command = Path(sys.executable).with_name("remnant")
    return subprocess.run(
        [command, *map(str, arguments)], capture_output=True, text=True, check=False, **options
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["files", "{study}"], 0),
        (["files"], 2),
        (["import", "{study}", "{bad}"], 3),
        (["init", "{study}"], 4),
        (["import", "{study}", "{missing}"], 2),
    ],
)
def test_the_installed_command_ends_with_the_documented_code(study, tmp_path, arguments, code):
    names = {"study": study, "bad": write(tmp_path, "events.csv", BAD), "missing": tmp_path / "missing.csv"}
    done = run(*(argument.format(**names) for argument in arguments))
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_a_damaged_database_ends_with_5_in_plain_words(study):
    (study / "study.db").write_bytes(b"damaged" * 1000)
    done = run("files", study, "--json")
    assert done.returncode == 5
    assert json.loads(done.stdout)["error"]["kind"] == "StorageError"
    assert done.stderr == ""


def test_no_colour_and_no_progress_where_no_terminal_is(study, good):
    done = run("import", study, good, env={**os.environ, "FORCE_COLOR": "", "NO_COLOR": "1"})
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr == ""


def test_a_reader_that_stops_reading_is_no_error(study):
    command = Path(sys.executable).with_name("remnant")
    with subprocess.Popen(
        [command, "doctor", study], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as done:
        done.stdout.close()
        assert done.stderr.read() == ""
    assert done.returncode == 0
