"""Real instrument files: what they store is what is read, counted a second time in the plainest way."""

import io
import math
import xml.etree.ElementTree as ET
import zipfile
from collections import Counter

import numpy as np
import pytest

from remnant.acquire import RefusedFileError, read_path

STORED = {  # wells, Cq stored or looked for, of these not detected
    "BioRad_qPCR_melt": (60, 26, 0),
    "absolute": (96, 96, 12),
    "sample": (90, 90, 0),
    "stepone_std": (24, 24, 0),
    "two_plate_correction": (576, 576, 22),
}


@pytest.fixture
def exported(real_data):
    return real_data / "qpcr" / "exports" / "rdml"


def outcome(path):
    """What reading gives, and the problems for which it is refused."""
    try:
        return read_path(path), ()
    except RefusedFileError as refused:
        return None, refused.details


def literal_cq(path):
    """Every Cq text of an RDML file, with the standard library's own parser."""
    with zipfile.ZipFile(path) as archive:
        root = ET.parse(io.BytesIO(archive.read(archive.namelist()[0]))).getroot()  # noqa: S314 - a known file
    space = root.tag.partition("}")[0] + "}"
    return [data.findtext(f"{space}cq") for data in root.iter(f"{space}data")]


@pytest.mark.definition
@pytest.mark.parametrize("name", STORED)
def test_stored_cq_are_those_of_the_file(exported, name):
    path = exported / f"{name}.rdml"
    wells = read_path(path).wells
    texts = literal_cq(path)
    numbers = [None if text is None else float(text) for text in texts]
    missing = [value is None for value in numbers]
    negative = [value is not None and (math.isnan(value) or value == -1) for value in numbers]

    assert (len(texts), len(texts) - sum(missing), sum(negative)) == STORED[name]
    assert [well.detected is None for well in wells] == missing
    assert [well.detected is False for well in wells] == negative
    assert [well.cq for well in wells] == [
        None if none or neg else value for value, none, neg in zip(numbers, missing, negative, strict=True)
    ]


@pytest.mark.parametrize("name", STORED)
def test_no_cq_is_minus_one(exported, name):
    assert all(well.cq is None or well.cq > 0 for well in read_path(exported / f"{name}.rdml").wells)


def test_runs_and_curves_of_the_exports(exported):
    biorad = read_path(exported / "BioRad_qPCR_melt.rdml")
    assert biorad.source.format == "rdml 1.1"
    assert [run.run_id for run in biorad.runs] == ["All Wells/Amp Step 3_FAM", "All Wells/Amp Step 3_Cy5"]
    assert [run.cycles for run in biorad.runs] == [41, 41]
    assert biorad.curves[0].fluorescence.shape == (60, 41)
    assert Counter(well.kind for well in biorad.wells) == {"positive_control": 36, "unknown": 12, "ntc": 12}
    assert biorad.wells[0].position == "A01"

    stepone = read_path(exported / "stepone_std.rdml")
    assert stepone.source.format == "rdml 1.0"
    assert stepone.runs[0].run_on.isoformat() == "2006-11-10"
    assert stepone.runs[0].instrument.startswith("Applied Biosystems StepOne")
    assert {well.position for well in stepone.wells} >= {"A01", "A02"}

    sample = read_path(exported / "sample.rdml")
    assert [well.excluded for well in sample.wells if well.excluded] == ["TRUE"] * 9
    assert list(sample.curves[0].cycles[[0, -1]]) == [3, 40]
    assert sample.runs[0].cycles == 40

    plates = read_path(exported / "two_plate_correction.rdml")
    assert [run.run_id for run in plates.runs] == ["Plate Correction/Plate 1", "Plate Correction/Plate 2"]
    assert np.isfinite(plates.curves[0].fluorescence).all()


def test_what_the_exports_leave_open_is_said(exported):
    def found(name):
        return {finding.code for finding in read_path(exported / f"{name}.rdml").findings}

    assert found("BioRad_qPCR_melt") == {"rdml.member_name", "rdml.cq_not_stored", "rdml.not_read"}
    assert found("stepone_std") == {"rdml.cq_at_last_cycle", "rdml.standard_unit", "rdml.not_read"}
    assert "rdml.no_cq" in found("meltingcurveanalysis")
    assert "rdml.no_cq" not in found("absolute")


def test_standards_are_read_with_their_copies_only_in_copies(exported):
    absolute = read_path(exported / "absolute.rdml").wells
    assert {well.standard_copies for well in absolute if well.sample == "STD_15"} == {1.875}
    stepone = read_path(exported / "stepone_std.rdml").wells
    assert {well.standard_copies for well in stepone if well.kind == "standard"} == {None}


@pytest.mark.parametrize(("name", "code"), [("genorm", "rdml.no_data"), ("merge_add", "rdml.no_wells")])
def test_exports_without_measurement_are_refused_with_the_reason(exported, name, code):
    with pytest.raises(RefusedFileError) as refused:
        read_path(exported / f"{name}.rdml")
    assert [problem.code for problem in refused.value.details] == [code]


def test_every_export_is_read_or_refused_with_a_reason(exported):
    paths = sorted(exported.glob("*.rdml"))
    assert len(paths) == 8
    for path in paths:
        acquired, problems = outcome(path)
        assert problems or acquired.wells


def test_files_of_other_instruments_are_read_or_refused_with_a_reason(real_data):
    folder = real_data / "qpcr" / "exports"
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".rdml"]
    small = [path for path in paths if path.stat().st_size < 300_000]
    assert len(small) > 20
    for path in small:
        acquired, problems = outcome(path)
        assert problems or acquired.wells or acquired.partitions, path.name
        assert all(problem.expected and problem.advice for problem in problems), path.name


@pytest.mark.definition
def test_vermeulen_standards_are_read_as_they_stand(real_data):
    path = real_data / "qpcr" / "vermeulen" / "standards_cq.csv"
    lines = [line.split(",") for line in path.read_text().splitlines()[1:]]
    acquired = read_path(path)
    assert len(lines) == 960
    assert [run.run_id for run in acquired.runs] == ["standards_cq"]
    assert [
        (well.target, well.sample, well.standard_copies, well.replicate, well.cq) for well in acquired.wells
    ] == [(t, s, float(q), int(r), float(cq)) for t, s, _, q, _, r, cq in lines]
    assert {well.kind for well in acquired.wells} == {"standard"}
    assert len({well.target for well in acquired.wells}) == 64
    assert {finding.code for finding in acquired.findings} == {"cq.run_named_after_file", "cq.no_positions"}


def test_vermeulen_curves_come_without_cq(real_data):
    acquired = read_path(real_data / "qpcr" / "vermeulen" / "data_vermeulen_std_150000_15.rdml")
    assert (len(acquired.runs), len(acquired.wells)) == (64, 960)
    assert {well.detected for well in acquired.wells} == {None}
    (curves,) = acquired.curves
    assert curves.fluorescence.shape == (960, 50)
    assert int(np.isfinite(curves.fluorescence).sum()) == 47925
    (finding,) = [finding for finding in acquired.findings if finding.code == "rdml.no_cq"]
    assert finding.needed
