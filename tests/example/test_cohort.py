"""Marginals of the made-up patients against the specification, within Monte-Carlo error."""

import numpy as np
import polars as pl
import pytest

from remnant.example.assumptions import numbers, texts
from remnant.example.cohort import draw_fates

pytestmark = pytest.mark.definition


def share_within(hits, low, high):
    """Whether a share agrees with a stated range, three standard errors allowed on both sides."""
    hits = np.asarray(hits, dtype=float)
    nearest = min(max(hits.mean(), low), high)
    return abs(hits.mean() - nearest) <= 3.0 * np.sqrt(nearest * (1 - nearest) / len(hits))


def median_within(values, low, high):
    """The same for a median: its order-statistic interval must touch the range."""
    values, n = np.sort(np.asarray(values, dtype=float)), len(values)
    reach = int(1.5 * np.sqrt(n)) + 1
    return values[max(n // 2 - reach, 0)] <= high and values[min(n // 2 + reach, n - 1)] >= low


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ages_and_fab_classes_are_exact(seed):
    patients = [fate.patient for fate in draw_fates(np.random.default_rng(seed), "published", 50)]
    adults = [p.age_years for p in patients if p.age_years >= 18]
    assert len(adults) == 37
    assert max(adults) <= 60
    assert all(1 <= p.age_years <= 17 for p in patients if p.age_years < 18)
    counts = {fab: sum(p.fab == fab for p in patients) for fab in texts("cohort.fab_classes")}
    assert counts == {"M0": 3, "M1": 9, "M2": 14, "M4": 11, "M5": 8, "M6": 2, "M7": 2, "M3": 1}
    assert all(p.synthetic and p.diagnosis == "AML" for p in patients)


def test_patients_at_transplantation(published):
    patients = [f.fate.patient for f in published.follow_ups]
    assert median_within([p.age_years for p in patients if p.age_years >= 18], 31, 33)
    for status, share in (("CR1", 0.45), ("CR2", 0.25), ("active", 0.30)):
        assert share_within([p.status_at_transplant == status for p in patients], share, share)
    assert share_within([p.conditioning == "myeloablative" for p in patients], 0.45, 0.45)


def test_levels_at_diagnosis(published):
    fates = [f.fate for f in published.follow_ups]
    for fab, probability in zip(texts("cohort.fab_classes"), numbers("baalc.raised_by_fab"), strict=True):
        raised = [f.baalc_raised for f in fates if f.patient.fab == fab]
        assert share_within(raised, probability, probability)
    raised = np.array([f.diagnosis_level[1] / 100 for f in fates if f.baalc_raised])
    assert median_within(raised, 130, 130)
    assert raised.min() >= 35
    assert raised.max() <= 1500
    assert median_within([f.diagnosis_level[1] / 100 for f in fates if not f.baalc_raised], 8, 8)
    wt1 = np.array([f.diagnosis_level[0] for f in fates])
    assert median_within(wt1, 3500, 3500)
    assert share_within(wt1 > 250, 0.85, 0.90)
    assert 0.5 < np.log10(wt1[wt1 > 250]).std() < 0.65
    assert wt1.min() >= 20
    assert wt1.max() <= 200_000


def test_donor_backgrounds(published):
    after = [f.fate.after for f in published.follow_ups]
    assert median_within([b.marrow[0] for b in after], 20, 20)
    assert np.log10([b.marrow[0] for b in after]).std() == pytest.approx(0.35, abs=0.03)
    assert median_within([b.marrow[1] for b in after], 800, 800)
    assert median_within([b.blood[1] for b in after], 150, 150)
    assert np.median([b.blood[0] for b in after]) < 1
    assert max(b.blood[0] for b in after) <= 48
    assert all(1.5 <= b.regeneration <= 2.5 for b in after)
    assert all(b.drift_log10_per_year == (0.0, 0.0) for b in after)


def test_relapse_and_death(published):
    truth = published.truth
    relapsed = truth["relapse_day"].is_not_null()
    assert share_within(relapsed, 0.36, 0.44)
    assert share_within(~relapsed & truth["death_day"].is_not_null(), 0.14, 0.18)
    days = truth["relapse_day"].drop_nulls()
    assert 110 < days.median() < 150
    assert 60 < days.quantile(0.25) < 90
    assert 205 < days.quantile(0.75) < 310
    assert days.max() <= 700
    deaths = truth.filter(~relapsed)["death_day"].drop_nulls()
    assert median_within(deaths, 140, 160)
    assert deaths.min() >= 20
    assert deaths.max() <= 500
    doubling = truth.filter(relapsed)["doubling_days"]
    assert 11 < doubling.median() < 14
    assert doubling.min() >= 5
    assert doubling.max() <= 40


def test_relapse_follows_the_group_in_the_published_world(published):
    group, relapsed = published.truth["group"], published.truth["relapse_day"].is_not_null()
    assert share_within(relapsed.filter(group == "both"), 0.65, 0.75)
    assert share_within(relapsed.filter(group.is_in(["WT1", "BAALC"])), 0.35, 0.45)
    assert share_within(relapsed.filter(group == "neither"), 0.12, 0.18)


def test_warning_before_relapse(published):
    relapsed = published.truth.filter(pl.col("relapse_day").is_not_null())
    assert share_within(~relapsed["warned"], 0.20, 0.25)
    lead = relapsed["lead_days"].drop_nulls()
    assert 30 < lead.median() < 60
    assert lead.quantile(0.01) >= 5
    assert lead.quantile(0.99) <= 200
    normal = [f.fate.growth.level[1] == 0 for f in published.follow_ups if f.fate.growth]
    assert share_within(normal, 0.10, 0.10)


def test_transient_baalc_rises_without_relapse(published):
    without = [f.fate for f in published.follow_ups if f.fate.growth is None]
    transient = [any(e.height[0] == 0 for e in fate.excursions) for fate in without]
    assert share_within(transient, 0.15, 0.15)


def test_interventions(published):
    truth = published.truth
    treated = truth.filter(pl.col("intervention_day").is_not_null())
    assert share_within(treated["relapse_day"].is_null(), 0.25, 0.30)
    raised_wt1 = truth["group"].is_in(["both", "WT1"])
    assert share_within(truth["intervention_day"].is_not_null().filter(raised_wt1), 0.25, 0.40)


def test_null_world_knows_nothing_of_relapse(null):
    """Relapse is drawn without the markers: no association at the landmark or at diagnosis."""
    truth = null.truth.filter(
        pl.min_horizontal(pl.col("last_day"), pl.col("relapse_day").fill_null(10_000)) > 100
    ).with_columns(relapsed=pl.col("relapse_day").is_not_null())
    for state in (pl.col("landmark_group") != "neither", pl.col("baalc_raised_at_diagnosis")):
        rates = (
            truth.group_by(state.alias("state"))
            .agg(pl.col("relapsed").mean().alias("rate"), pl.len())
            .sort("state")
        )
        error = np.sqrt((0.24 / rates["len"]).sum())
        assert abs(rates["rate"][1] - rates["rate"][0]) < 3 * error
    assert share_within(null.truth["relapse_day"].is_not_null(), 0.36, 0.44)


def test_published_world_has_what_the_null_world_lacks(published):
    truth = published.truth.filter(
        pl.min_horizontal(pl.col("last_day"), pl.col("relapse_day").fill_null(10_000)) > 100
    ).with_columns(relapsed=pl.col("relapse_day").is_not_null())
    rates = dict(truth.group_by("landmark_group").agg(pl.col("relapsed").mean()).iter_rows())
    assert rates["both"] > rates["neither"] + 0.2


def test_adverse_world_is_adverse(adverse, published):
    drift = np.array([f.fate.after.drift_log10_per_year for f in adverse.follow_ups])
    assert drift.std() == pytest.approx(0.25, abs=0.02)
    relapsed = adverse.truth.filter(pl.col("relapse_day").is_not_null())
    assert relapsed["doubling_days"].median() < 8
    lead = relapsed["lead_days"].drop_nulls().median()
    assert lead < published.truth["lead_days"].drop_nulls().median() - 10
    assert all(f.fate.growth.gompertz_days > 0 for f in adverse.follow_ups if f.fate.growth)


def test_other_numbers_of_patients_keep_the_shares():
    patients = [fate.patient for fate in draw_fates(np.random.default_rng(5), "published", 100)]
    assert sum(p.fab == "M2" for p in patients) == 28
    assert sum(p.age_years < 18 for p in patients) == 26
    assert len(draw_fates(np.random.default_rng(5), "null", 1)) == 1
