"""Transcript beside clonotype, from typed-in values to the patient's page."""

import datetime as dt
import math

import pytest

from remnant.assay.reported import measure_reported
from remnant.pipeline.discordance import discordance_findings, patient_discordances
from remnant.records.dossier import Dossier
from remnant.records.measurement import ReportedValue
from remnant.records.patient import Patient
from remnant.records.run import Assay
from remnant.records.sample import Sample
from remnant.report.patient import beside

DAYS = [dt.date(2020, 1, 1), dt.date(2020, 3, 1), dt.date(2020, 5, 1), dt.date(2020, 7, 1)]


def measurements(fusion, clonotype, control="GUSB"):
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
                control=control,
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


def over_abl1(fusion, clonotype):
    held = measurements(fusion, clonotype, control="ABL1")
    name = next(m.assay_id for m in held if m.target == "BCR-ABL1")
    abl1 = Assay(assay_id=name, target="BCR-ABL1", control="ABL1", unit="ratio")
    return held, patient_discordances(held, [abl1])


@pytest.mark.definition
def test_a_ratio_to_abl1_is_corrected_and_its_error_grows_with_the_correction():
    """r = m / (1 - m): the error of log10 r, drawn, is what the interval of the excess holds."""
    held, found = over_abl1([0.8, 0.1, 0.1, 0.1], [0.8, 0.08, 0.08, 0.08])
    assert found[0].excess_log10 == pytest.approx(math.log10((0.1 / 0.9) / (0.8 / 0.2)) + 1.0, abs=1e-6)
    fusion, clonotype = (
        [math.log10(m.upper / m.lower) / (2 * 1.959964) for m in held if m.target == target][:2]
        for target in ("BCR-ABL1", "IG/TR")
    )
    sd = math.hypot(fusion[0] / 0.2, fusion[1] / 0.9, *clonotype)
    assert found[0].excess_log10 - found[0].lower == pytest.approx(1.959964 * sd, rel=1e-3)


def test_a_ratio_at_which_abl1_tells_nothing_is_no_level():
    """Above 1 there is no r: at diagnosis nothing can be relative to it, later only that sample is without a level."""
    assert over_abl1([1.05, 0.3, 0.3, 0.3], [0.8, 0.02, 0.02, 0.02])[1] == ()
    _, later = over_abl1([0.5, 1.2, 0.05, 0.05], [0.8, 0.08, 0.08, 0.08])
    assert [one.sample_id for one in later] == ["S2", "S3"]
