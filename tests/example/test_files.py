"""Every file of a made-up study is read back as it was meant, and every broken file is refused."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
from lxml import etree

from remnant.acquire import RefusedFileError, read, read_path
from remnant.example import simulate_study_a, write_broken_files, write_study_a
from remnant.example.broken import broken_files
from remnant.example.files import TRUTH_FOLDER, study_files

pytestmark = pytest.mark.definition


@pytest.fixture(scope="module")
def files(study):
    return dict(study_files(study))


@pytest.fixture(scope="module")
def acquired(files):
    return {name: read(name, content) for name, content in files.items()}


def test_few_and_small(files):
    assert len(files) < 100
    assert sum(map(len, files.values())) < 5_000_000


def test_kinds(acquired):
    formats = [one.source.format for one in acquired.values()]
    for kind in ("patients", "events", "therapies", "cdna", "runs", "reported values"):
        assert formats.count(kind) == 1
    assert formats.count("samples") == 2
    assert formats.count("cq table") == 3
    assert formats.count("rdml 1.3") > 50


def test_clinical_tables_come_back(study, acquired):
    assert acquired["patients.csv"].patients == study.patients
    assert acquired["events.csv"].events == study.events
    assert acquired["therapies.csv"].therapies == study.therapies
    samples = acquired["samples_donors.csv"].samples + acquired["samples.csv"].samples
    assert sorted(samples, key=lambda s: s.sample_id) == sorted(study.samples, key=lambda s: s.sample_id)
    assert acquired["cdna.csv"].cdnas == study.cdnas
    assert acquired["reported.csv"].reported == study.reported
    assert tuple(replace(run, source_sha256=None) for run in acquired["runs.csv"].runs) == study.runs


def test_limits_are_typed_in_as_such(study):
    assert any(value.upper_limit is not None for value in study.reported)
    assert all(value.unit == ("per_1e4" if value.target == "WT1" else "percent") for value in study.reported)


def test_wells_and_curves_come_back(study, acquired):
    wells = sorted((w for one in acquired.values() for w in one.wells), key=lambda w: (w.run_id, w.position))
    assert wells == sorted(study.wells, key=lambda w: (w.run_id, w.position))
    kept = dict(zip(study.curves.wells, study.curves.fluorescence, strict=True))
    read_back = {
        key: row
        for one in acquired.values()
        for curves in one.curves
        for key, row in zip(curves.wells, curves.fluorescence, strict=True)
    }
    assert kept.keys() == read_back.keys()
    np.testing.assert_array_equal([kept[key] for key in kept], [read_back[key] for key in kept])


def test_run_files_say_of_a_run_what_the_run_sheet_says(study, acquired):
    sheet = {run.run_id: run for run in study.runs}
    seen = [run for one in acquired.values() if one.wells for run in one.runs]
    assert {run.run_id for run in seen} == sheet.keys()
    for run in seen:
        for name in ("run_on", "instrument", "threshold", "cycles"):
            assert getattr(run, name) in {None, getattr(sheet[run.run_id], name)}


def test_nothing_is_noticed_but_the_old_encoding(acquired):
    codes = {finding.code for one in acquired.values() for finding in one.findings}
    assert codes == {"table.encoding"}


def test_rdml_says_that_it_is_synthetic(files, tmp_path):
    for name, content in files.items():
        if name.endswith(".rdml"):
            (tmp_path / name).write_bytes(content)
            document = etree.fromstring(zipfile.ZipFile(tmp_path / name).read("rdml_data.xml"))
            assert document.get("version") == "1.3"
            assert "Synthetic data" in document.findtext("{*}documentation/{*}text")


def test_written_folder(tmp_path):
    study = simulate_study_a(patients=3, curves=False)
    paths = write_study_a(study, tmp_path / "study")
    assert {path.name for path in paths} == {name for name, _ in study_files(study)}
    assert all(path.parent == tmp_path / "study" for path in paths)
    for path in paths:
        read_path(path)
    truth = tmp_path / "study" / TRUTH_FOLDER
    assert {path.stem for path in truth.iterdir()} == {
        "measurements",
        "patients",
        "wells",
        "awkward_cases",
        "assumptions",
        "study",
    }
    assert "synthetic" in (truth / "study.csv").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(broken_files()))
def test_broken_file_is_refused_with_all_its_problems(name):
    defect, content = broken_files()[name]
    with pytest.raises(RefusedFileError) as caught:
        read(name, content)
    assert defect
    assert len(caught.value.problems) >= {
        "impossible_counts.csv": 2,
        "ambiguous_dates.csv": 2,
        "missing_units.csv": 2,
    }.get(name, 1)


def test_broken_files_are_written(tmp_path):
    written = write_broken_files(tmp_path / "broken")
    assert {file.path.name for file in written} == set(broken_files())
    assert all(file.path.exists() and file.defect for file in written)
