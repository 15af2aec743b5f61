"""The whole way in two commands: the demo, and a run that does only what is out of date."""

from dataclasses import fields

from remnant.pipeline.run import RunReport
from remnant.study.check import check_study
from remnant.study.folder import open_study


def test_the_demo_goes_all_the_way_and_a_second_run_does_nothing(remnant, tmp_path):
    demo = remnant("demo", tmp_path / "demo", "--patients", "4", "--seed", "3")
    assert demo.code == 0, demo.out + demo.err
    assert "4 pages" in demo.out
    pages = (tmp_path / "demo" / "study" / "reports" / "patients").glob("*.html")
    assert sum("WT1/ABL1 dPCR" in page.read_text(encoding="utf-8") for page in pages) == 1
    assert "All patients are synthetic. Research use only." in demo.out
    folder = tmp_path / "demo" / "study"
    assert len(list((folder / "reports" / "patients").glob("*.html"))) == 4
    again = remnant("run", folder, "--json").json
    assert (again["up_to_date"], again["stages"]) == (True, [])
    assert list(again) == [field.name for field in fields(RunReport)]
    assert "Nothing to do" in remnant("run", folder).out
    measured = remnant("quantify", folder, "--json").json
    assert {item["patient_id"] for item in measured} >= {"P001", "P002", "P003", "P004"}
    assert remnant("call", folder, "--json").json
    actions = [entry["action"] for entry in remnant("audit", folder, "--json").json]
    assert actions[0] == "init"
    assert actions[-2:] == ["run", "report"]
    assert actions.count("run") == 1
    assert all(finding.severity != "failure" for finding in check_study(open_study(folder)))
    second = remnant("demo", tmp_path / "demo", "--json").json
    assert {file["outcome"] for file in second["import"]["files"]} == {"unchanged"}
    assert second["run"]["up_to_date"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").touch()
    assert remnant("demo", tmp_path / "other").code == 4


def test_a_retraction_makes_the_run_compute_again(remnant, tmp_path):
    remnant("simulate", "study-a", tmp_path / "raw", "--patients", "2")
    remnant("init", tmp_path / "study")
    remnant("import", tmp_path / "study", tmp_path / "raw")
    first = remnant("run", tmp_path / "study", "--json").json
    assert {stage["stage"] for stage in first["stages"] if not stage["computed"]} <= {
        "curves"
    }  # read on import
    assert all(stage["computed"] + stage["kept"] > 0 for stage in first["stages"])
    remnant("retract", tmp_path / "study", "events.csv", "--reason", "test")
    second = {stage["stage"]: stage for stage in remnant("run", tmp_path / "study", "--json").json["stages"]}
    assert second["assay"]["computed"] == 0
    assert second["course"]["computed"] > 0
    assert remnant("run", tmp_path / "study", "--strict").code in {0, 1}
