"""`remnant clonotypes`: without a study."""

import json
import subprocess
import sys

import pytest

COMMAND = [
    sys.executable,
    "-c",
    "import sys; sys.argv[0] = 'remnant'; from remnant.cli.main import main; main()",
]


def run(*arguments):
    return subprocess.run(
        [*COMMAND, "clonotypes", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_tracks_and_findings_are_one_document(tmp_path, vidjil):
    file = tmp_path / "demo.vidjil"
    file.write_bytes(vidjil())
    answer = run(file, "--json")
    assert answer.returncode == 0
    data = json.loads(answer.stdout)
    assert [track["role"] for track in data["tracks"]] == ["index", "index"]
    assert data["tracks"][0]["points"][1]["reads"] == 0
    assert data["tracks"][0]["points"][1]["share"] is None
    assert (
        run(file, "--until", "2013-05-15", "--json").stdout.count('"repertoire_id": "S2"') == 1
    )  # listed, not followed
    assert run(file, "--strict").returncode == 1


def test_a_day_cannot_be_asked_of_samples_without_one(tmp_path, vidjil):
    content = vidjil.content()
    content["samples"]["timestamp"] = ["", "", ""]
    (tmp_path / "demo.vidjil").write_text(json.dumps(content))
    answer = run(tmp_path / "demo.vidjil", "--until", "2013-05-15")
    assert answer.returncode == 3
    assert "no day of sampling for S0, S1, S2" in answer.stderr
    (tmp_path / "days.csv").write_text(
        "repertoire_id,sampled_on\nS0,2013-03-28\nS1,2013-05-15\nS2,2013-12-16\n"
    )
    assert run(tmp_path, "--until", "2013-05-15", "--json").returncode == 0


def test_a_file_without_clones_is_refused(tmp_path):
    (tmp_path / "patients.csv").write_text("patient_id,diagnosis\nP1,T-ALL\n")
    answer = run(tmp_path / "patients.csv")
    assert answer.returncode == 3
    assert "no clonotypes" in answer.stderr


@pytest.mark.published
def test_the_flag_of_the_demo_patient_stands_on_the_command_line(real_data):
    """Vidjil demo LIL-L3, `remnant clonotypes` up to 2013-12-16: the returning clone has 5,517, 0, 11 and 12,020 reads."""
    file = real_data / "clonotypes" / "demo_lil_l3_tutorial.vidjil"
    data = json.loads(run(file, "--until", "2013-12-16", "--json").stdout)
    (track,) = [track for track in data["tracks"] if track["verdict"] == "returns"]
    assert [point["reads"] for point in track["points"]] == [5517, 0, 11, 12020]
    assert [point["state"] for point in track["points"]] == [
        "quantified",
        "not detected",
        "detected",
        "quantified",
    ]
    assert "clonotype.returns" in {finding["code"] for finding in data["findings"]}
