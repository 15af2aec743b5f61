"""Values typed in: in the unit of their assay, on the International Scale where they were reported so, or left out."""

import datetime as dt

import pytest

from remnant.assay.reported import measure_reported
from remnant.records.measurement import ReportedValue
from remnant.records.sample import Sample
from remnant.report.numbers import measured as printed

SAMPLE = Sample(sample_id="S1", patient_id="P1", material="PB", drawn_on=dt.date(2021, 5, 4))


def measured(unit, target="BCR-ABL1", value=0.08, **limits):
    given = ReportedValue(
        sample_id="S1", patient_id="P1", target=target, control="ABL1", unit=unit, value=value, **limits
    )
    return measure_reported([given], samples=[SAMPLE])


def test_a_value_on_the_international_scale_stays_on_it_without_a_factor():
    found = measured("percent_is")
    [one] = found.measurements
    assert (one.unit, one.assay_id, found.findings) == (
        "percent_is", "BCR-ABL1/ABL1", (),
    )  # fmt: skip
    assert one.point_value == pytest.approx(0.08)
    assert one.estimate == pytest.approx(0.08, rel=0.01)
    assert one.comparison_lower < one.lower < 0.08 < one.upper < one.comparison_upper
    assert (one.state, one.positive_wells, one.reason) == ("quantified", 1, "")


def test_less_than_a_limit_is_a_bound_and_no_number():
    [one] = measured("percent", value=None, upper_limit=0.01).measurements
    assert (one.state, one.positive_wells) == ("not detected", 0)
    assert (one.estimate, one.lower, one.upper, one.point_value) == (None,) * 4
    assert one.upper_limit >= 0.01
    assert one.reason.startswith("reported as less than 0.01 %")


def test_another_ratio_is_converted_to_the_unit_of_the_assay():
    [one] = measured("per_1e4", value=8.0).measurements
    assert (one.unit, one.point_value) == ("percent", pytest.approx(0.08))


def test_a_unit_that_does_not_fit_leaves_the_value_out_and_stops_nothing():
    found = measured("copies")
    assert found.measurements == ()
    [finding] = found.findings
    assert finding.code == "reported.left_out"
    assert "copies is not %" in finding.message


def test_more_than_a_limit_has_a_lower_end_and_no_number_above_it():
    [one] = measured("percent", value=None, lower_limit=50.0).measurements
    assert (one.lower, one.comparison_lower, one.known_above) == (50.0, 50.0, 50.0)
    assert (one.estimate, one.upper, one.comparison_upper, one.upper_limit, one.point_value) == (None,) * 5
    assert printed(one) == "> 50"
