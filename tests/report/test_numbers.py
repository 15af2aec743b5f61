"""Numbers as printed: literal examples of the look, and laws for all inputs."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.report import numbers

positive = st.floats(1e-9, 1e9)


def value_of(text):
    """Read a printed number back."""
    mantissa, _, power = text.partition(" × 10")
    exponent = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or "0"
    return float(mantissa) * 10.0 ** int(exponent)


@pytest.mark.definition
def test_the_example_of_the_look():
    digits = numbers.significant_digits(120.0, 260.0)
    text = f"{numbers.number(180.0, digits)} ({numbers.interval(120.0, 260.0, digits=digits, like=180.0)})"
    assert text == "1.8 × 10² (1.2-2.6 × 10²)"
    assert numbers.limit(3.0e-5) == "< 3.0 × 10⁻⁵"


@pytest.mark.property
@given(value=positive, digits=st.integers(1, 4), unit=st.sampled_from(["", "per_1e4", "percent"]))
def test_a_printed_number_reads_back_within_its_last_digit(value, digits, unit):
    read = value_of(numbers.number(value, digits, unit=unit))
    assert read == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits))


@pytest.mark.property
@given(value=positive, unit=st.sampled_from(["", "per_1e4", "percent"]))
def test_nothing_positive_prints_as_zero(value, unit):
    assert value_of(numbers.number(value, 1, unit=unit)) > 0
    assert value_of(numbers.limit(value, unit=unit).removeprefix("< ")) > 0
    assert float(numbers.percent(value)) > 0


@pytest.mark.property
@given(low=positive, ratio=st.floats(1.001, 1e4), unit=st.sampled_from(["", "percent"]))
def test_an_interval_keeps_its_order_and_never_starts_at_zero(low, ratio, unit):
    digits = numbers.significant_digits(low, low * ratio)
    text = numbers.interval(low, low * ratio, digits=digits, unit=unit, like=low * math.sqrt(ratio))
    head, _, power = text.partition(" × ") if " to " not in text else (text, "", "")
    ends = head.split(" to ") if " to " in head else head.split("-")
    lower, upper = (value_of(end) for end in ends)
    assert 0 < lower <= upper
    assert power == "" or power.startswith("10")


@pytest.mark.property
@given(low=positive, ratio=st.floats(1.001, 1e4), wider=st.floats(1.01, 100.0))
def test_a_wider_interval_never_gets_more_digits(low, ratio, wider):
    assert numbers.significant_digits(low, low * ratio * wider) <= numbers.significant_digits(
        low, low * ratio
    )


@pytest.mark.property
@given(value=st.floats(0.0, 1.0))
def test_a_probability_is_never_printed_as_certain(value):
    assert numbers.probability(value) not in {"0.00", "1.00", "0", "1"}


@pytest.mark.parametrize(("value", "text"), [(9.96, "10"), (99.6, "99.6"), (0.04, "0.04"), (100.0, "100")])
def test_percentages_of_cells(value, text):
    assert numbers.percent(value) == text


def test_undetected_and_not_evaluable_are_not_numbers(relapsing_dossier):
    printed = {m.state: numbers.measured(m) for m in relapsing_dossier.measurements}
    assert printed["not detected"].startswith("< ")
    assert printed["not evaluable"] == "not evaluable"


def test_the_unit_stands_beside_a_number_that_stands_alone(relapsing_dossier):
    last = relapsing_dossier.measurements[-1]
    assert numbers.measured(last, with_unit=True).endswith("per 10⁴ ABL1")


def test_what_is_not_quantifiable_never_prints_a_bare_value(relapsing_dossier):
    found = next(m for m in relapsing_dossier.measurements if m.state == "quantified")
    weak = dataclasses.replace(found, state="detected", estimate=2.0, lower=0.4, upper=9.0)
    assert numbers.measured(weak) == "positive, not quantifiable (interval 0.4-9)"
    alone = numbers.measured(dataclasses.replace(weak, unit="per_1e4"), with_unit=True)
    assert alone == "positive, not quantifiable (interval 0.4-9 per 10⁴ ABL1)"
