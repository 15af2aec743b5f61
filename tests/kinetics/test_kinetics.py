"""Which samples a line joins, when it is refused, and what it says."""

import datetime as dt
import math
import statistics
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from remnant.course.build import build_courses
from remnant.course.kinetics import fit_kinetics, with_kinetics
from remnant.evidence.kinds import CountsEvidence, ErrorTerm, ReportedEvidence
from remnant.knowledge.kinetics import kinetics_rules
from remnant.knowledge.sampling import sampling_rules
from remnant.numerics.growth import doubling_days
from remnant.records.codec import from_json, to_json
from remnant.records.dossier import Dossier
from remnant.records.judgement import Course
from remnant.records.measurement import Baseline, Measurement
from remnant.records.patient import Event, Patient, Therapy
from remnant.records.sample import Sample

DAY_ZERO = dt.date(2021, 1, 1)


def on(day):
    return DAY_ZERO + dt.timedelta(days=day)


def measurement(day, value, *, target="NPM1", run=None, **change):
    """A value, ``"< limit"`` or None for not evaluable; with the errors that a laboratory names."""
    sample = f"P1-{day}-{change.get('material', 'BM')}"
    limit = float(value[1:]) if isinstance(value, str) else None
    number = value if isinstance(value, float | int) else None
    errors = (
        ErrorTerm(name=f"run:{run or sample}", sd_log10=0.07),
        ErrorTerm(name=f"rt:{sample}", sd_log10=0.12),
        ErrorTerm(name=f"biology:P1:{target}:{sample}", sd_log10=0.2),
    )
    evidence = ReportedEvidence(
        value=None if limit else float(number or 1.0),
        sd_log10=0.1,
        upper_limit=limit,
        lower_limit=None,
        log10_low=-8.0,
        log10_high=8.0,
        errors=errors,
    )
    base = Measurement(
        measurement_id=f"{target}:{sample}",
        patient_id="P1",
        sample_id=sample,
        cdna_id=sample,
        run_id="R1",
        assay_id=f"{target}/ABL1",
        target=target,
        control="ABL1",
        material="BM",
        drawn_on=on(day),
        unit="percent" if target == "NPM1" else "per_1e4",
        evidence=evidence,
        state="quantified" if number else ("not detected" if limit else "not evaluable"),
        reason="" if value is not None else "480 ABL1 copies",
        estimate=number,
        lower=number,
        upper=number,
        comparison_lower=number,
        comparison_upper=number,
        upper_limit=limit or number,
        point_value=number,
        target_copies=number,
        control_copies=20000.0,
        positive_wells=3 if number else 0,
        wells=3,
        control_wells=2,
    )
    return replace(base, **change)


def dossier(*measurements, events=(), therapies=(), samples=(), baselines=()):
    return Dossier(
        patient=Patient(patient_id="P1", diagnosis="AML"),
        events=tuple(Event(patient_id="P1", kind=kind, on=on(day)) for kind, day in events),
        therapies=tuple(
            Therapy(patient_id="P1", kind=kind, start_on=on(a), end_on=None if b is None else on(b))
            for kind, a, b in therapies
        ),
        samples=tuple(samples),
        measurements=tuple(measurements),
        baselines=tuple(baselines),
    )


def donors(target="WT1", median=20.0, sd=0.35):
    return Baseline(
        assay_id=f"{target}/ABL1",
        material="BM",
        source="donors",
        unit="per_1e4",
        median=median,
        sd_log10=sd,
        percentile_97_5=None,
        samples=(),
    )


RISE = [(0, 0.01), (30, 0.05), (61, 0.3), (90, 2.0)]


def rising(**more):
    return dossier(*(measurement(day, value) for day, value in RISE), **more)


def test_a_rising_series_has_a_doubling_time_inside_its_interval_and_a_sentence():
    [k] = fit_kinetics([rising()])
    assert (k.trend, k.refused, k.current, k.predictor) == ("rising", "", True, True)
    assert k.doubling_lower < k.doubling_days < k.doubling_upper
    assert k.doubling_days == pytest.approx(12.0, abs=0.3)
    assert k.reason.startswith("NPM1 BM rises: doubling time 12 days (9-17), ")
    assert "reaches" not in k.reason, "no level of overt relapse is defined"
    assert k.shown_on[0] == on(0)
    assert all(a < b < c for a, b, c in zip(k.shown_lower, k.shown_median, k.shown_upper, strict=True))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([(0, "<0.01"), (30, 0.5)], "1 quantified sample, 2 needed"),
        ([(0, "<0.01"), (30, "<0.02")], "0 quantified samples, 2 needed"),
        ([(0, None), (30, 0.5)], "1 quantified sample, 2 needed"),
    ],
)
def test_too_few_quantified_samples_are_refused_with_the_reason(values, words):
    [k] = fit_kinetics([dossier(*(measurement(day, value) for day, value in values))])
    assert k.trend == "refused"
    assert k.refused.startswith(words)
    assert k.doubling_days is None


def test_therapy_between_is_named_when_it_leaves_too_few_samples():
    *_, k = fit_kinetics([rising(therapies=[("dli", 70, None)])])
    assert k.refused == (
        "1 quantified sample, 2 needed; between it and the 3 samples before: DLI from 2021-03-12"
    )


def test_a_therapy_that_ends_and_begins_anew_on_a_day_is_one_change():
    found = fit_kinetics([rising(therapies=[("tki", 10, 61), ("tki", 61, None)])])
    assert found[-1].refused == (
        "1 quantified sample, 2 needed; between it and the 2 samples before: a change of TKI on 2021-03-03"
    )


def test_therapy_splits_a_series_and_each_part_has_its_own_slope():
    later = [measurement(120, 0.4), measurement(150, 0.06)]
    first, second = fit_kinetics(
        [replace(rising(therapies=[("tki", 90, None)]), measurements=(*rising().measurements, *later))]
    )
    assert (first.trend, first.current) == ("rising", False)
    assert (second.trend, second.current) == ("undecided", True) or second.trend == "falling"
    assert second.samples == ("P1-120-BM", "P1-150-BM")
    assert second.change_log10_per_month < 0


def test_a_sample_on_the_day_of_a_change_belongs_to_the_stretch_before():
    first, second = fit_kinetics([rising(therapies=[("dli", 61, None)])])
    assert first.to_on == on(61)
    assert second.from_on == on(90)


def test_the_end_of_a_therapy_is_a_change_too():
    parts = fit_kinetics([rising(therapies=[("tki", -50, 40)])])
    assert [(k.from_on, k.to_on) for k in parts] == [(on(0), on(30)), (on(61), on(90))]


def test_samples_from_overt_relapse_on_are_another_stretch():
    overt = Sample(sample_id="P1-90-BM", patient_id="P1", material="BM", drawn_on=on(90), blast_percent=40.0)
    before, after = fit_kinetics([rising(events=[("remission", -30)], samples=[overt])])
    assert before.to_on == on(61)
    assert (before.predictor, after.predictor) == (True, False)


def test_a_sample_for_suspected_relapse_makes_the_stretch_no_predictor():
    asked = Sample(
        sample_id="P1-90-BM", patient_id="P1", material="BM", drawn_on=on(90), reason="suspected_relapse"
    )
    [k] = fit_kinetics([rising(samples=[asked])])
    assert (k.trend, k.predictor) == ("rising", False)


def test_materials_are_separate_series():
    blood = [measurement(day, value / 10, material="PB") for day, value in RISE]
    found = fit_kinetics([dossier(*rising().measurements, *blood)])
    assert [(k.material, len(k.samples)) for k in found] == [("BM", 4), ("PB", 4)]


def test_the_level_of_overt_relapse_is_in_proportion_to_blasts_at_diagnosis():
    diagnosis = Sample(
        sample_id="P1--200-BM",
        patient_id="P1",
        material="BM",
        drawn_on=on(-200),
        reason="diagnosis",
        blast_percent=50.0,
    )
    case = dossier(
        measurement(-200, 400.0),
        *rising().measurements,
        samples=[diagnosis],
        therapies=[("chemotherapy", -199, -100)],
    )
    k = fit_kinetics([case])[-1]
    assert k.overt_level == pytest.approx(40.0)
    assert on(90) < k.crossing_earliest_on < k.crossing_on < k.crossing_latest_on
    assert "At this rate it reaches 5 % blasts equivalent (40 %)" in k.reason
    # log10 from the last fitted level to 40 %, at the median slope
    expected = 90 + (math.log10(40.0) - math.log10(k.shown_median[k.shown_on.index(on(90))])) / (
        k.change_log10_per_month / 30.4375
    )
    assert (k.crossing_on - DAY_ZERO).days == pytest.approx(expected, abs=2)


def wt1(*pairs, **more):
    return dossier(*(measurement(day, value, target="WT1") for day, value in pairs), **more)


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([(120, 20.0), (150, 900.0)], "2 samples, 3 needed for a marker with a background"),
        (
            [(120, 20.0), (150, 25.0), (180, 30.0)],
            "no sample lies above the background with a probability over 0.95",
        ),
        ([(5, 20.0), (10, 400.0), (20, 900.0)], "drawn between transplantation and engraftment"),
    ],
)
def test_background_markers_are_refused_with_the_reason(pairs, words):
    [k] = fit_kinetics([wt1(*pairs, events=[("transplant", 0)], baselines=[donors()])])
    assert k.refused.startswith(words)


def test_without_a_known_background_a_background_marker_is_refused():
    [k] = fit_kinetics([wt1((120, 20.0), (150, 200.0), (180, 2000.0))])
    assert k.refused == "no background of WT1 in BM is known"


def test_the_background_is_allowed_for_in_the_slope():
    pairs = [(120, 22.0), (150, 24.0), (180, 45.0), (210, 400.0)]
    [k] = fit_kinetics([wt1(*pairs, events=[("transplant", 0)], baselines=[donors()])])
    days, logs = zip(*((d, math.log10(v)) for d, v in pairs), strict=True)
    straight = np.polyfit(days, logs, 1)[0] * 30.4375
    assert k.trend == "rising"
    assert k.change_log10_per_month > 1.4 * straight, "a line through background and growth is too flat"
    assert k.background_median == pytest.approx(20.0)


def test_two_runs_shared_by_samples_widen_less_than_own_runs_within_them():
    values = [(0, 0.02), (20, 0.03), (60, 0.2), (80, 0.4)]
    big = [ErrorTerm(name="run:A", sd_log10=0.4), ErrorTerm(name="run:B", sd_log10=0.4)]

    def with_runs(names):
        held = []
        for (day, value), name in zip(values, names, strict=True):
            m = measurement(day, value)
            terms = (*m.evidence.errors[1:], replace(big[0], name=f"run:{name}"))
            held.append(replace(m, evidence=replace(m.evidence, errors=terms)))
        [k] = fit_kinetics([dossier(*held)])
        return k.change_upper - k.change_lower

    assert with_runs("AAAA") < with_runs("ABAB") < with_runs("ABCD") < with_runs("AABB")


@pytest.mark.property
@settings(max_examples=15)
@given(
    order=st.permutations(range(6)),
    scale=st.floats(1e-3, 1e3),
    shift=st.integers(-2000, 2000),
)
def test_order_unit_and_origin_do_not_matter_and_failed_samples_change_nothing(order, scale, shift):
    line = [(0, "<0.02"), (28, 0.03), (55, "<0.05"), (90, 0.4), (120, 1.1)]
    plain = [measurement(day, value) for day, value in line]
    moved = [
        measurement(day + shift, f"<{float(v[1:]) * scale}" if isinstance(v, str) else v * scale)
        for day, v in line
    ]
    moved.append(measurement(70 + shift, None))
    [first] = fit_kinetics([dossier(*plain)])
    [second] = fit_kinetics([dossier(*(moved[i] for i in order))])
    for name in (
        "change_log10_per_month",
        "change_lower",
        "change_upper",
        "probability_growth",
        "doubling_days",
    ):
        assert getattr(second, name) == pytest.approx(getattr(first, name), rel=1e-6)
    assert len(second.samples) == 5


@pytest.mark.property
def test_an_undetected_sample_before_a_rise_makes_it_steeper_and_a_tighter_limit_more_so():
    seen = [measurement(60, 0.05), measurement(90, 0.3)]
    slopes = [
        fit_kinetics([dossier(*before, *seen)])[0].change_log10_per_month
        for before in (
            [],
            [measurement(30, "<0.5")],
            [measurement(30, "<0.005")],
            [measurement(30, "<0.0005")],
        )
    ]
    assert slopes == sorted(slopes)


def test_counts_that_are_zero_take_part_as_counts():
    zero = CountsEvidence(
        k=0, exposure=2e4, background=0.0, dispersion=0.0, log10_low=-8, log10_high=3,
        errors=measurement(30, 1.0).evidence.errors,
    )  # fmt: skip
    silent = replace(measurement(30, "<0.1"), evidence=zero)
    [k] = fit_kinetics([dossier(silent, measurement(60, 0.05), measurement(90, 0.3))])
    assert (k.not_detected, k.quantified) == (1, 2)


@pytest.mark.published
def test_half_of_all_slopes_are_steeper_than_the_median_published_one_and_chemotherapy_lies_inside():
    """Prior of growth: median |slope| is that of doubling in 36, 14, 12 and 11 days (Ommen 2010) and a fall of 5.1 % a day (Michor 2005)."""
    rules = kinetics_rules()
    prior = stats.t(rules.slope_degrees_of_freedom, scale=rules.slope_scale_log10_per_day)
    rises = [doubling_days(1.0) / days for days in sampling_rules().doubling_days.values()]
    published = statistics.median([*rises, 0.051 / math.log(10)])
    assert prior.ppf(0.75) == pytest.approx(published, rel=0.01)
    three_logs_in_a_course = 3.0 / 28.0
    assert prior.ppf(0.0125) < -three_logs_in_a_course
    assert stats.t(5, scale=published / stats.t.ppf(0.75, 5)).ppf(0.0125) > -three_logs_in_a_course


@pytest.mark.property
def test_a_course_turned_upside_down_has_the_slope_turned_upside_down():
    [up] = fit_kinetics([rising()])
    [down] = fit_kinetics([dossier(*(measurement(day, 1.0 / value) for day, value in RISE))])
    assert (up.trend, down.trend) == ("rising", "falling")
    assert down.change_log10_per_month == pytest.approx(-up.change_log10_per_month, rel=1e-6)
    assert down.change_lower == pytest.approx(-up.change_upper, rel=1e-6)
    assert down.halving_days == pytest.approx(up.doubling_days, rel=1e-6)


@pytest.mark.property
@pytest.mark.parametrize("per_day", [-0.11, 0.08])
def test_three_samples_of_a_steep_course_give_its_slope_and_not_the_prior(per_day):
    days = (0, 14, 28)
    [k] = fit_kinetics([dossier(*(measurement(day, 0.01 * 10 ** (per_day * (day - 14))) for day in days))])
    straight = per_day * 30.4375
    assert k.change_lower < straight < k.change_upper
    error = (k.change_upper - k.change_lower) / 3.92
    assert abs(k.change_log10_per_month - straight) < 0.5 * error


def test_course_keeps_its_kinetics_through_storage():
    case = rising()
    [course] = with_kinetics([case], build_courses([case]))
    assert course.kinetics == fit_kinetics([case])
    assert from_json(Course, to_json(course)) == course


def ending(last, *, before=(1000.0, 300.0, 100.0, 30.0, 10.0)):
    """One stretch of samples thirty days apart that falls, and its last sample."""
    values = [*before, last]
    made = dossier(*(measurement(30 * i, value) for i, value in enumerate(values)))
    return fit_kinetics([made])[0]


@pytest.mark.parametrize(
    ("last", "side"), [(3.0, ""), (100.0, "above"), (0.05, "below"), ("<3", ""), ("<0.001", "")]
)
def test_a_last_sample_that_the_line_did_not_foretell_is_said_to_lie_off_it(last, side):
    k = ending(last)
    assert k.last_sample_lies == side
    off = f" The last sample lies {side} this line: something may have changed since 2021-05-01."
    assert k.reason.endswith(off) if side else "lies" not in k.reason


def test_two_samples_foretell_nothing():
    assert ending(1e4, before=(10.0,)).last_sample_lies == ""


@pytest.mark.property
def test_of_straight_courses_one_in_a_hundred_is_said_to_be_left_at_its_end():
    rng = np.random.default_rng(5)
    sd = math.sqrt(0.07**2 + 0.12**2 + 0.2**2 + 0.1**2)
    held = [
        dossier(*(measurement(30 * i, float(10 ** (2 - 0.3 * i + rng.normal(0, sd)))) for i in range(6)))
        for _ in range(1000)
    ]
    said = sum(bool(k.last_sample_lies) for k in fit_kinetics(held))
    low, high = stats.binom.ppf([0.001, 0.999], 1000, 1 - kinetics_rules().foretold_probability)
    assert low <= said <= high


@pytest.mark.definition
@pytest.mark.parametrize(("times", "side"), [(-1.1, "below"), (-0.9, ""), (0.9, ""), (1.1, "above")])
def test_the_bound_is_that_of_a_forecast_from_the_samples_before_alone(times, side):
    before = (1000.0, 300.0, 100.0, 30.0, 10.0)
    alone = fit_kinetics([dossier(*(measurement(30 * i, v) for i, v in enumerate(before)))])[0]
    day = [(one - alone.to_on).days for one in alone.shown_on]
    middle = float(np.interp(30, day, np.log10(alone.shown_median)))
    line_sd = (float(np.interp(30, day, np.log10(alone.shown_upper))) - middle) / stats.norm.ppf(0.975)
    foretold = math.hypot(line_sd, math.sqrt(0.07**2 + 0.12**2 + 0.2**2 + 0.1**2))
    bound = stats.norm.ppf(0.5 + kinetics_rules().foretold_probability / 2)
    assert ending(10 ** (middle + times * bound * foretold), before=before).last_sample_lies == side
