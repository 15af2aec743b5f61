"""Assays of one day side by side: where they disagree, and where they only cannot be compared."""

import dataclasses
import datetime as dt
import math
import random

import pytest

from remnant.assay.reported import measure_reported
from remnant.course.discordance import disagreement_findings, disagreements
from remnant.records.measurement import ReportedValue
from remnant.records.sample import Sample


def values(rows):
    """Measurements of reported values: day, target, share or limit."""
    samples = {
        day: Sample(
            sample_id=f"S{day}",
            patient_id="P1",
            material="BM",
            drawn_on=dt.date(2020, 1, 1) + dt.timedelta(days=day),
        )
        for day, *_ in rows
    }
    stated = [
        ReportedValue(
            sample_id=f"S{day}", patient_id="P1", target=target, control="GUSB" if target == "BCR-ABL1" else "",
            unit="ratio" if target == "BCR-ABL1" else "cell_fraction",
            value=level if isinstance(level, float) else None,
            upper_limit=float(level[1:]) if isinstance(level, str) else None,
        )
        for day, target, level in rows
    ]  # fmt: skip
    return measure_reported(stated, samples=samples.values()).measurements


FIRST = [(0, "BCR-ABL1", 0.5), (0, "IG/TR", 0.8)]


@pytest.mark.parametrize(
    ("later", "kinds"),
    [
        ([(60, "BCR-ABL1", 0.005), (60, "IG/TR", 0.008)], []),
        ([(60, "BCR-ABL1", 0.05), (60, "IG/TR", 0.00008)], ["levels differ"]),
        ([(60, "BCR-ABL1", 0.05), (60, "IG/TR", 0.004)], []),  # 1.3 log apart, lower bound below 1
        ([(60, "BCR-ABL1", 0.01), (60, "IG/TR", "<1e-4")], ["one not detected"]),
        ([(60, "BCR-ABL1", 1e-5), (60, "IG/TR", "<1e-4")], []),  # IG/TR would not have seen it
        ([(60, "BCR-ABL1", "<1e-5"), (60, "IG/TR", "<1e-4")], []),
        ([(60, "BCR-ABL1", 0.01), (70, "IG/TR", "<1e-4")], []),  # two days
        ([(60, "IG/TR", 0.002), (60, "flow MRD", "<1e-4")], ["one not detected"]),  # both in cells
        ([(60, "IG/TR", 0.00005), (60, "flow MRD", "<1e-4")], []),
        ([(60, "WT1", "<0.5"), (60, "IG/TR", 0.01)], []),
        ([(60, "recipient chimerism", "<0.01"), (60, "IG/TR", 0.05)], []),
    ],
)
def test_what_disagrees(later, kinds):
    assert [one.kind for one in disagreements(values([*FIRST, *later]))] == kinds


def test_the_sentence_names_both_with_the_bound_and_the_day():
    (one,) = disagreements(values([*FIRST, (60, "BCR-ABL1", 0.01), (60, "IG/TR", "<1e-4")]))
    assert one.reason.startswith("BCR-ABL1/GUSB is quantified and IG/TR not detected (below 1.")
    assert one.reason.endswith("of cells) on 2020-03-01.")
    assert (one.rule_id, one.rule_status) == ("disagreement.one_not_detected", "unverified")


@pytest.mark.definition
def test_levels_are_compared_by_their_change_since_diagnosis():
    (one,) = disagreements(values([*FIRST, (60, "BCR-ABL1", 0.05), (60, "IG/TR", 0.00008)]))
    assert one.difference_log10 == pytest.approx(math.log10(0.05 / 0.5) - math.log10(0.00008 / 0.8), abs=0.1)
    assert one.difference_lower > 1.0


def test_without_a_level_at_diagnosis_only_positive_and_not_detected_are_compared():
    assert disagreements(values([(60, "BCR-ABL1", 0.05), (60, "IG/TR", 0.00008)])) == ()
    assert len(disagreements(values([(60, "BCR-ABL1", 0.05), (60, "IG/TR", "<1e-4")]))) == 1


def test_the_highest_clone_speaks_for_the_marker_and_nothing_is_summed():
    base = values([*FIRST, (60, "BCR-ABL1", 0.01), (60, "IG/TR", "<1e-4")])
    clone = dataclasses.replace(
        next(m for m in values([(60, "IG/TR", 0.02)])), assay_id="IG/TR TRG abc", measurement_id="c"
    )
    assert disagreements([*base, clone]) == ()


@pytest.mark.parametrize("order", [1, -1])
def test_a_clone_that_is_only_known_to_exceed_a_bound_is_as_high_as_its_bound(order):
    low, flow = values([(60, "IG/TR", 0.00005), (60, "flow MRD", "<1e-4")])
    sample = Sample(sample_id="S60", patient_id="P1", material="BM", drawn_on=low.drawn_on)
    more = ReportedValue(
        sample_id="S60",
        patient_id="P1",
        target="IG/TR",
        control="",
        unit="cell_fraction",
        value=None,
        lower_limit=0.1,
    )
    (high,) = measure_reported([more], samples=[sample]).measurements
    high = dataclasses.replace(high, assay_id="IG/TR TRG abc", measurement_id="c")
    (one,) = disagreements([flow, *[low, high][::order]])
    assert (one.kind, one.higher) == ("one not detected", "IG/TR TRG abc")


@pytest.mark.property
def test_order_does_not_matter_and_a_sample_that_is_not_evaluable_changes_nothing():
    held = list(
        values(
            [
                *FIRST,
                (60, "BCR-ABL1", 0.01),
                (60, "IG/TR", "<1e-4"),
                (90, "BCR-ABL1", 0.05),
                (90, "IG/TR", 1e-5),
            ]
        )
    )
    expected = disagreements(held)
    assert len(expected) == 2
    failed = dataclasses.replace(
        held[0], measurement_id="x", state="not evaluable", drawn_on=held[-1].drawn_on
    )
    random.Random(1).shuffle(held)  # noqa: S311 - an order, not a secret
    assert disagreements([*held, failed]) == expected


def test_one_finding_a_patient():
    found = disagreements(
        values(
            [
                *FIRST,
                (60, "BCR-ABL1", 0.01),
                (60, "IG/TR", "<1e-4"),
                (90, "BCR-ABL1", 0.05),
                (90, "IG/TR", 1e-5),
            ]
        )
    )
    (finding,) = disagreement_findings(found)
    assert (finding.code, finding.subject) == ("course.assays_disagree", "patient P1")
    assert "2020-03-01, 2020-03-31" in finding.message
    assert disagreement_findings(()) == ()
