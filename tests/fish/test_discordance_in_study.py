"""Transcript beside clonotype, from typed-in values to the patient's page."""

import datetime as dt

import pytest

from remnant.assay.reported import measure_reported
from remnant.pipeline.discordance import discordance_findings, patient_discordances
from remnant.records.dossier import Dossier
from remnant.records.measurement import ReportedValue
from remnant.records.patient import Patient
from remnant.records.sample import Sample
from remnant.report.patient import beside

DAYS = [dt.date(2020, 1, 1), dt.date(2020, 3, 1), dt.date(2020, 5, 1), dt.date(2020, 7, 1)]


def measurements(fusion, clonotype):
    samples = [
        Sample(sample_id=f"S{i}", patient_id="P1", material="BM", drawn_on=day) for i, day in enumerate(DAYS)
    ]
    values = []
    for i, (ratio, share) in enumerate(zip(fusion, clonotype, strict=True)):
        values.append(
            ReportedValue(
                sample_id=f"S{i}",
                patient_id="P1",
                target="BCR-ABL1",
                control="GUSB",
                unit="ratio",
                value=ratio,
            )
        )
        below = share < 1e-4
        values.append(
            ReportedValue(
                sample_id=f"S{i}",
                patient_id="P1",
                target="IG/TR",
                control="",
                unit="cell_fraction",
                value=None if below else share,
                upper_limit=1e-4 if below else None,
            )
        )
    return measure_reported(values, samples=samples).measurements


def test_parallel_falls_are_no_discordance():
    found = patient_discordances(measurements([1.0, 0.1, 0.01, 0.001], [0.8, 0.08, 0.008, 0.0008]))
    assert len(found) == 3
    assert all(one.excess_log10 == pytest.approx(0.0, abs=0.01) for one in found)
    assert discordance_findings(found) == ()


def test_a_persisting_fusion_without_its_clonotype_is_a_finding():
    found = patient_discordances(measurements([1.0, 0.5, 0.4, 0.4], [0.8, 0.002, 0.00001, 0.00001]))
    assert [one.excess for one in found] == [True, True, True]
    assert found[-1].upper == float("inf")
    [finding] = discordance_findings(found)
    assert finding.code == "origin.discordance"
    table = beside.discordance(
        Dossier(patient=Patient(patient_id="P1", diagnosis="Ph+ ALL"), discordances=found)
    )
    assert len(table.rows) == 3
    assert table.rows[0][1].text.startswith(">")


def test_without_a_clonotype_at_first_there_is_no_statement():
    assert patient_discordances(measurements([1.0] * 4, [0.00001] * 4)) == ()
