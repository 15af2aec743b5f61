"""What sorted fractions say at the top of a patient's page, and of a cohort, and how often they do not say it."""

import dataclasses
import datetime as dt
import re

import polars as pl
import pytest

from remnant.cohort.compartments import compartment_shares
from remnant.cohort.table import patients
from remnant.example.study_b import simulate_study_b
from remnant.example.study_b_files import write_study_b
from remnant.numerics.proportions import clopper_pearson
from remnant.pipeline.compartments import facts_of_files, judge_compartments
from remnant.records.dossier import Dossier
from remnant.records.patient import Patient
from remnant.records.sample import Sample
from remnant.report import cohort, words
from remnant.report.context import Context

TRANSCRIPTS = ("P190", "P210", None)
CONTEXT = Context(study="S", software="remnant", written_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    paths = write_study_b(simulate_study_b(seed=3), tmp_path_factory.mktemp("raw"))
    return judge_compartments(facts_of_files(path for path in paths if path.suffix in {".csv", ".xlsx"}))


@pytest.fixture(scope="module")
def dossiers(judged):
    """A patient for every sample, drawn at diagnosis, and one whose fractions nobody sorted."""
    made = [
        Dossier(
            patient=Patient(patient_id=one.sample_id, diagnosis="Ph+ ALL", transcript=TRANSCRIPTS[i % 3]),
            samples=(
                Sample(
                    sample_id=one.sample_id,
                    patient_id=one.sample_id,
                    material="BM",
                    drawn_on=one.drawn_on,
                    reason="diagnosis",
                ),
            ),
            sorted_samples=(one,),
        )
        for i, one in enumerate(judged)
    ]
    return [*made, Dossier(patient=Patient(patient_id="B999", diagnosis="Ph+ ALL", transcript="P190"))]


def test_the_headline_names_every_compartment_once(judged):
    for one in judged:
        said = words.compartments(one, on=dt.date(2015, 8, 12))
        head, _, verdicts = said.partition(": ")
        assert head.endswith(" on 12 August 2015")
        named = re.split(r", | and |; ", verdicts.removesuffix("."))
        for call in one.calls:
            assert sum(part.split(" ")[0] == call.compartment for part in named) == 1
            assert call.verdict in verdicts
        assert verdicts.count("strongly positive") <= 1
        assert "carry the lesion" not in said


def test_unknown_stem_cells_are_said_beside_other_cells_outside_the_b_lineage(judged):
    one = next(one for one in judged if one.lineage.hsc_involved == "unknown")
    lineage = dataclasses.replace(one.lineage, name="outside the B lineage")
    assert words.compartments(dataclasses.replace(one, lineage=lineage)).endswith(
        "; whether HSC are is not known."
    )


def test_the_cohort_table_has_the_answers_at_diagnosis(dossiers):
    frame = patients(dossiers)
    for dossier, row in zip(dossiers, frame.iter_rows(named=True), strict=True):
        answers = {"yes": True, "no": False, "unknown": None}
        held = dossier.sorted_samples
        assert row["outside_b_lineage"] is (answers[held[0].lineage.outside_b_lineage] if held else None)
        assert row["hsc_involved"] is (answers[held[0].lineage.hsc_involved] if held else None)
        assert row["compartment_sample_id"] == (held[0].sample_id if held else None)
        assert row["transcript"] == dossier.patient.transcript


def test_a_later_sample_is_not_the_diagnosis(dossiers):
    first = dossiers[0]
    relapse = dataclasses.replace(first.samples[0], reason="relapse")
    assert patients([dataclasses.replace(first, samples=(relapse,))])["outside_b_lineage"].to_list() == [None]


@pytest.mark.definition
def test_shares_count_what_was_shown_of_all_judged(dossiers):
    frame = patients(dossiers)
    shares = compartment_shares(frame)
    assert [one.group for one in shares[:4]] == ["P190", "P210", "unknown", "all"]
    for one in shares:
        rows = [
            row[one.question]
            for row in frame.iter_rows(named=True)
            if row["compartment_sample_id"] is not None
            and one.group in {"all", row["transcript"] or "unknown"}
        ]
        assert (one.yes, one.no, one.unknown) == (rows.count(True), rows.count(False), rows.count(None))
        assert one.judged == len(rows)
        bounds = clopper_pearson(one.yes, one.judged, level=0.95)
        assert (one.lower, one.upper) == (bounds.lower, bounds.upper)
    assert compartment_shares(frame.filter(pl.col("compartment_sample_id").is_null())) == ()


def test_the_page_shows_compartments_and_says_what_has_no_data(dossiers):
    shares = compartment_shares(patients(dossiers))
    page = cohort.page([], [], context=CONTEXT, compartments=shares)
    assert "Lesion outside the B lineage" in page
    assert "Lesion in stem cells" in page
    assert "Not drawn" not in page
    assert cohort.page([], [], context=CONTEXT).count("<table") == 0
