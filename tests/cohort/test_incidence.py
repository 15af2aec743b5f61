"""Cumulative incidence with competing death: R's results, laws, and the four groups of study A."""

import json
import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from remnant.cohort.competing_risks import Followed, curves, gray_test, permutation_of_scores
from remnant.cohort.incidence import FOUR_GROUPS, four_group_test, incidence_at_landmark, incidence_by
from remnant.errors import InputError
from remnant.records.codec import from_json, to_json
from remnant.records.cohort import Incidence


def at(curve, day):
    return next(found for found in curve.on_days if found.day == day)


def log_log(incidence, standard_error):
    """R's log-log interval from R's estimate and standard error."""
    theta, half = (
        math.log(-math.log(incidence)),
        1.959963984540054 * standard_error / (-incidence * math.log(incidence)),
    )
    return math.exp(-math.exp(theta + half)), math.exp(-math.exp(theta - half))


def mgus2(real_data):
    frame = pl.read_csv(real_data / "cohorts/mgus2_cr.csv")
    return Followed(
        frame["etime"].to_numpy().astype(float), frame["ev"].to_numpy(), frame["sex"].to_numpy().astype(str)
    )


def bmtcrr(real_data, group):
    frame = pl.read_csv(real_data / "cohorts/bmtcrr.csv")
    return Followed(
        frame["ftime"].to_numpy(), frame["Status"].to_numpy(), frame[group].to_numpy().astype(str)
    )


def kmsurv_bmt(real_data):
    frame = pl.read_csv(real_data / "cohorts/kmsurv_bmt.csv")
    status = np.where(frame["d2"] == 1, 1, np.where(frame["d3"] == 1, 2, 0))
    return Followed(
        frame["t2"].to_numpy().astype(float), status, frame["group"].cast(pl.String).to_numpy().astype(str)
    )


def reference(real_data, name):
    return json.loads((real_data / f"cohorts/reference/{name}.json").read_text())


@pytest.mark.reference
def test_aalen_johansen_of_mgus2(real_data):
    followed, theirs = mgus2(real_data), reference(real_data, "mgus2_competing")["aj_sex"]
    for i, (day, stratum) in enumerate(zip(theirs["times"], theirs["strata"], strict=True)):
        group = stratum.removeprefix("sex=")
        relapse, death = curves(followed, group, days=theirs["times"][:6])
        for curve, state in ((relapse, 1), (death, 2)):
            found, expected = at(curve, day), theirs["pstate"][state][i]
            assert found.incidence == pytest.approx(expected, rel=1e-10)
            assert (found.lower, found.upper) == pytest.approx(
                log_log(expected, theirs["se"][state][i]), rel=1e-8
            )


@pytest.mark.reference
@pytest.mark.parametrize(
    ("read", "file", "key"),
    [
        (mgus2, "mgus2_competing", "cuminc_sex"),
        (lambda data: bmtcrr(data, "D"), "bmtcrr", "cuminc_D"),
        (lambda data: bmtcrr(data, "Phase"), "bmtcrr", "cuminc_phase"),
        (kmsurv_bmt, "kmsurv_bmt", "cuminc"),
    ],
    ids=["mgus2 by sex", "bmtcrr by disease", "bmtcrr by phase", "bmt by group"],
)
def test_cmprsk_estimates_and_gray(real_data, read, file, key):
    followed, theirs = read(real_data), reference(real_data, file)[key]
    for label, estimates in zip(theirs["curves"], theirs["est"], strict=True):
        group, cause = label.rsplit(" ", 1)
        curve = curves(followed, group, days=theirs["times"])[int(cause) - 1]
        found = [at(curve, day).incidence for day in theirs["times"]]
        for ours, expected in zip(found, estimates, strict=True):
            assert ours is None or ours == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert found[0] is not None
    for number, cause in enumerate(("relapse", "death")):
        gray = gray_test(followed, cause)
        assert gray.statistic == pytest.approx(theirs["gray"]["stat"][number], rel=1e-7)
        assert gray.p_value == pytest.approx(theirs["gray"]["p"][number], rel=1e-6)


@pytest.mark.reference
def test_numbers_at_risk_of_r(real_data):
    followed, theirs = kmsurv_bmt(real_data), reference(real_data, "kmsurv_bmt")["km_dfs"]
    for day, stratum, n_risk in zip(theirs["time"], theirs["strata"], theirs["n_risk"], strict=True):
        curve = curves(followed, stratum.removeprefix("group="), days=(day,))[0]
        assert at(curve, day).at_risk == n_risk


@pytest.mark.reference
def test_permutation_agrees_with_gray_in_large_groups(real_data):
    followed = bmtcrr(real_data, "D")
    made = permutation_of_scores(followed, "relapse", rng=np.random.default_rng(1), permutations=20_000)
    assert made.p_value == pytest.approx(gray_test(followed, "relapse").p_value, abs=0.01)


patients = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 2)), min_size=1, max_size=30)


@pytest.mark.property
@given(patients=patients)
def test_curves_are_probabilities(patients):
    days, codes = (np.array(column) for column in zip(*patients, strict=True))
    relapse, death = curves(
        Followed(days.astype(float), codes, np.repeat("a", len(days))), "a", days=(5.0, 20.0)
    )
    for curve in (relapse, death):
        assert list(curve.incidence) == sorted(curve.incidence)
        assert curve.events + curve.competing_events + curve.censored == curve.patients == len(patients)
        for value, low, high in zip(curve.incidence, curve.lower, curve.upper, strict=True):
            assert low is None or 0 <= low <= value <= high <= 1
        for found in curve.on_days:
            if found.incidence is None or found.incidence > 1 - 1e-9:
                continue
            assert 0 <= found.lower <= found.incidence <= found.upper <= 1
    final = [curve.incidence[-1] if curve.incidence else 0.0 for curve in (relapse, death)]
    assert sum(final) <= 1 + 1e-9


@pytest.mark.property
@given(patients=patients)
def test_without_censoring_the_incidence_is_a_share(patients):
    days, codes = (np.array(column) for column in zip(*patients, strict=True))
    codes = np.maximum(codes, 1)
    relapse, _ = curves(Followed(days.astype(float), codes, np.repeat("a", len(days))), "a", days=(15.0,))
    assert at(relapse, 15.0).incidence == pytest.approx(((codes == 1) & (days <= 15)).mean())


def test_an_incidence_of_one_has_no_interval_and_no_warning():
    days = np.array([1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0, 4.0])  # 1 but for rounding
    relapse, _ = curves(Followed(days, np.ones(9, dtype=int), np.repeat("a", 9)), "a", days=(15.0,))
    found = at(relapse, 15.0)
    assert (found.incidence, found.lower, found.upper) == (1.0, None, None)
    assert (relapse.incidence[-1], relapse.lower[-1], relapse.upper[-1]) == (1.0, None, None)


def test_a_group_without_events_has_an_exact_upper_bound():
    followed = Followed(
        np.array([50.0, 60.0, 400.0, 500.0, 600.0]), np.array([0, 2, 0, 0, 0]), np.repeat("a", 5)
    )
    relapse, _ = curves(followed, "a", days=(100.0, 365.0, 700.0), start_day=0.0)
    assert (relapse.days, relapse.incidence) == ((), ())
    found = at(relapse, 365.0)
    assert (found.incidence, found.at_risk) == (0.0, 3)
    assert found.upper == pytest.approx(
        1 - 0.025 ** (1 / 4)
    )  # three still followed, one died without relapse
    assert at(relapse, 700.0).incidence is None


def test_a_curve_is_known_beyond_its_last_patient_if_nobody_was_censored():
    followed = Followed(np.array([50.0, 60.0]), np.array([1, 2]), np.repeat("a", 2))
    relapse, _ = curves(followed, "a", days=(700.0,))
    assert (at(relapse, 700.0).incidence, at(relapse, 700.0).at_risk) == (0.5, 0)


def cohort(seed=1, n=60):
    rng = np.random.default_rng(seed)
    group = rng.choice([*FOUR_GROUPS, "undecided"], n)
    rate = np.where(group == "both", 1 / 120, 1 / 900)
    relapse, death, end = rng.exponential(1 / rate), rng.exponential(1500, n), rng.uniform(400, 900, n)
    days = np.ceil(100 + np.minimum.reduce([relapse, death, end])).astype(int)
    outcome = np.select([relapse <= np.minimum(death, end), death <= end], ["relapse", "death"], "censored")
    early = np.arange(n) < 5
    return {
        "patient_id": [f"P{i:03}" for i in range(n)],
        "at_risk_at_landmark": (~early).tolist(),
        "landmark_group": [None if e else str(g) for e, g in zip(early, group, strict=True)],
        "landmark_reason": ["death up to the landmark" if e else "made up" for e in early],
        "landmark_day": [100] * n,
        "outcome": ["death" if e else str(o) for e, o in zip(early, outcome, strict=True)],
        "follow_up_days": [40 if e else int(d) for e, d in zip(early, days, strict=True)],
    }


@pytest.mark.parametrize("kind", [pl.DataFrame, pd.DataFrame])
def test_four_groups_at_the_landmark(kind):
    data = cohort()
    made = incidence_at_landmark(kind(data), permutations=999)
    assert [c.group for c in made.curves[::2]] == [*FOUR_GROUPS, "undecided"]
    assert sum(c.patients for c in made.curves[::2]) == 55
    assert [c.in_test for c in made.curves[::2]] == [True] * 4 + [False]
    assert [(e.reason, len(e.patient_ids)) for e in made.excluded] == [("death up to the landmark", 5)]
    assert made.start_day == 100
    assert [found.day for found in made.curves[0].on_days] == [100, 180, 365, 730]
    start = at(made.curves[0], 100)
    assert (start.incidence, start.upper) == (0.0, 0.0)
    assert [test.name for test in made.tests] == [
        "Permutation of subdistribution scores, relapse",
        "Gray, relapse",
        "Permutation of subdistribution scores, death",
        "Gray, death",
    ]
    assert made.tests[1].p_value < 0.05 < made.tests[0].p_value < 0.1
    assert made.tests[3].p_value > 0.01
    assert from_json(Incidence, to_json(made)) == made


def test_undecided_patients_do_not_move_the_test():
    data = cohort()
    frame = pl.DataFrame(data)
    decided = frame.filter(pl.col("landmark_group").ne_missing("undecided"))
    assert (
        incidence_at_landmark(frame, permutations=99).tests
        == incidence_at_landmark(decided, permutations=99).tests
    )
    assert four_group_test(frame) == four_group_test(decided)


@pytest.mark.property
def test_the_order_of_patients_and_the_names_of_groups_do_not_matter_to_gray():
    frame = pl.DataFrame(cohort())
    swapped = frame.with_columns(pl.col("landmark_group").replace({"both": "neither", "neither": "both"}))
    statistic = incidence_at_landmark(frame, permutations=9).tests[0].statistic
    for other in (frame.reverse(), swapped):
        assert incidence_at_landmark(other, permutations=9).tests[0].statistic == pytest.approx(statistic)


@pytest.mark.parametrize("kind", [pl.DataFrame, pd.DataFrame])
def test_four_group_test_is_the_permutation_p(kind):
    frame = kind(cohort(seed=3))
    assert four_group_test(frame, seed=4) == four_group_test(frame, seed=4)
    assert four_group_test(frame) < 0.05


@pytest.mark.coverage
def test_four_group_test_keeps_its_size_when_groups_carry_nothing():
    rng = np.random.default_rng(8)
    p_values = []
    for seed in range(200):
        data = cohort(seed=seed, n=40)
        tested = [group in FOUR_GROUPS for group in data["landmark_group"]]
        kept = pl.DataFrame(data).filter(tested)
        frame = kept.with_columns(
            pl.Series("landmark_group", rng.permutation(kept["landmark_group"].to_numpy()))
        )
        p_values.append(four_group_test(frame, seed=seed, permutations=199))
    rejected = sum(p <= 0.05 for p in p_values)
    assert stats.binomtest(rejected, 200, 0.05, alternative="greater").pvalue > 0.005
    assert min(p_values) < 0.1


def test_nothing_to_test_gives_none():
    one_group = pl.DataFrame(
        {"landmark_group": ["both", "both"], "outcome": ["relapse", "death"], "follow_up_days": [150, 200]}
    )
    nobody = one_group.with_columns(landmark_group=pl.lit(None, dtype=pl.String))
    no_relapse = one_group.with_columns(landmark_group=pl.Series(["both", "WT1"]), outcome=pl.lit("censored"))
    same_day = one_group.with_columns(
        landmark_group=pl.Series(["both", "WT1"]), outcome=pl.lit("relapse"), follow_up_days=pl.lit(150)
    )
    for frame in (one_group, nobody, no_relapse, same_day):
        assert four_group_test(frame) is None


def test_undefined_tests_say_why():
    followed = Followed(np.full(10, 150.0), np.ones(10, dtype=int), np.array(["a", "b"] * 5))
    for made in (
        gray_test(followed, "relapse"),
        permutation_of_scores(followed, "relapse", rng=np.random.default_rng(0), permutations=9),
    ):
        assert made.p_value is None
        assert "no variance" in made.note
    assert gray_test(followed, "death").note == "no death in any group"


@pytest.mark.parametrize(("size", "printed"), [(1, False), (4, False), (5, True)])
def test_a_small_group_gets_no_large_sample_p_value(size, printed):
    n = 20 + size
    followed = Followed(
        np.arange(n) * 7.0 + 110.0, np.arange(n) % 3, np.array(["neither"] * 20 + ["both"] * size)
    )
    gray = gray_test(followed, "relapse")
    assert (gray.p_value is not None) == (gray.statistic is not None) == printed
    assert (f'fewer than 5 patients in "both" (n = {size})' in gray.note) == (not printed)
    permuted = permutation_of_scores(followed, "relapse", rng=np.random.default_rng(2), permutations=99)
    assert permuted.p_value is not None


@pytest.mark.parametrize("kind", [pl.DataFrame, pd.DataFrame])
def test_incidence_from_transplantation_by_a_verdict_at_diagnosis(kind):
    data = cohort()
    data["baalc_raised"] = [True, False, None] * 20
    made = incidence_by(kind(data), group="baalc_raised", permutations=99)
    assert [c.group for c in made.curves[::2]] == ["baalc_raised", "not baalc_raised", "undecided"]
    assert made.start_day == 0
    assert sum(c.patients for c in made.curves[::2]) == 60


def test_a_group_called_undecided_stays_outside_the_test():
    data = cohort()
    data["raised_at_diagnosis"] = ["both", "neither", "undecided"] * 20
    made = incidence_by(pl.DataFrame(data), group="raised_at_diagnosis", permutations=99)
    assert [(c.group, c.in_test) for c in made.curves[::2]] == [
        ("both", True),
        ("neither", True),
        ("undecided", False),
    ]


def test_patients_without_follow_up_are_listed():
    data = cohort()
    data["follow_up_days"][7], data["outcome"][7] = None, None
    data["baalc_raised"] = [True, False] * 30
    made = incidence_by(pl.DataFrame(data), group="baalc_raised", permutations=99)
    assert [(e.reason, e.patient_ids) for e in made.excluded] == [
        ("no follow-up after transplantation", ("P007",))
    ]


def test_patients_at_risk_without_follow_up_are_refused_all_at_once():
    data = cohort()
    data["follow_up_days"][7] = None
    data["outcome"][9] = "lost"
    with pytest.raises(InputError) as caught:
        incidence_at_landmark(pl.DataFrame(data))
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["row 8", "row 10"]


def test_two_landmarks_in_one_table_are_refused():
    data = cohort()
    data["landmark_day"][0] = 60
    with pytest.raises(InputError, match="60, 100"):
        incidence_at_landmark(pl.DataFrame(data))
    with pytest.raises(InputError, match="no patients"):
        incidence_at_landmark(pl.DataFrame(data).clear())
