"""The donors' percentile: of true levels, undetected donors censored, each donor once."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from remnant.call.donors import donor_baseline, donor_baselines
from remnant.errors import FitError, InputError
from remnant.evidence.kinds import CountsEvidence, ErrorTerm
from remnant.knowledge.background import background_rules
from remnant.records.measurement import Measurement
from remnant.records.sample import Sample

EXPOSURE = 200.0  # copies per percent at 20,000 ABL1


def donor(number, level, *, rng, exposure=EXPOSURE, noise=0.0):
    k = float(rng.poisson(level * 10 ** rng.normal(0, noise) * exposure))
    point = k / exposure if k else None
    return Measurement(
        measurement_id=f"M{number}", patient_id=f"D{number}", sample_id=f"SD{number}", cdna_id=f"C{number}",
        run_id="R1", assay_id="BAALC/ABL1", target="BAALC", control="ABL1", material="BM",
        drawn_on=dt.date(2020, 1, 1), unit="percent",
        evidence=CountsEvidence(
            k=k, exposure=exposure, background=0.0, dispersion=0.0, log10_low=-4.0, log10_high=4.0,
            errors=(ErrorTerm(name=f"rt:C{number}", sd_log10=noise),) if noise else (),
        ),
        state="quantified" if k else "not detected", reason="", estimate=point, lower=None, upper=None,
        comparison_lower=None, comparison_upper=None, upper_limit=3.0 / exposure, point_value=point,
        target_copies=k, control_copies=2e4, positive_wells=3, wells=3, control_wells=2,
    )  # fmt: skip


def donors(n, *, seed=1, median=8.0, sd=0.28, **about):
    rng = np.random.default_rng(seed)
    return [donor(i, median * 10 ** rng.normal(0, sd), rng=rng, **about) for i in range(n)]


def samples(given):
    return [
        Sample(
            sample_id=m.sample_id, patient_id=m.patient_id, material="BM", drawn_on=m.drawn_on, reason="donor"
        )
        for m in given
    ]


def test_sixty_donors_give_back_their_population():
    got = donor_baseline(donors(60, seed=2))
    truth = 8.0 * 10 ** (1.96 * 0.28)
    assert got.median == pytest.approx(8.0, rel=0.2)
    assert got.percentile_lower < truth < got.percentile_upper
    assert got.method == "log-normal"
    assert len(got.samples) == 60


def test_undetected_donors_are_censored_not_dropped():
    few_copies = donors(60, median=0.5, exposure=3.0, seed=6)
    undetected = [m for m in few_copies if m.point_value is None]
    assert len(undetected) > 12
    all_of_them = donor_baseline(few_copies)
    detected_only = donor_baseline([m for m in few_copies if m.point_value is not None])
    assert all_of_them.median == pytest.approx(0.5, rel=0.35)
    assert detected_only.median > 1.15 * all_of_them.median


@pytest.mark.property
def test_measurement_error_does_not_widen_the_donors():
    quiet = donor_baseline(donors(80, seed=9))
    noisy = donor_baseline(donors(80, seed=9, noise=0.25))
    naive = float(np.std([np.log10(m.point_value) for m in donors(80, seed=9, noise=0.25)]))
    assert quiet.sd_log10 == pytest.approx(0.28, abs=0.06)
    assert noisy.sd_log10 == pytest.approx(0.28, abs=0.09)
    assert naive > noisy.sd_log10 + 0.04


@pytest.mark.property
def test_the_order_of_the_donors_does_not_matter():
    given = donors(30)
    assert donor_baseline(given) == donor_baseline(given[::-1])


@pytest.mark.property
def test_another_unit_gives_the_same_background():
    given = donors(30)
    ratio = [
        replace(
            m,
            unit="ratio",
            point_value=m.point_value / 100,
            evidence=replace(m.evidence, exposure=m.evidence.exposure * 100, log10_low=-6.0, log10_high=2.0),
        )
        for m in given
    ]
    assert donor_baseline(ratio).percentile_97_5 * 100 == pytest.approx(
        donor_baseline(given).percentile_97_5, rel=0.01
    )


def test_enough_donors_are_ranked_without_a_distribution():
    given = donors(150)
    got = donor_baseline(given)
    assert got.method == "nonparametric"
    assert got.percentile_97_5 == pytest.approx(np.quantile([m.point_value for m in given], 0.975), rel=0.06)
    assert got.percentile_lower < got.percentile_97_5 < got.percentile_upper


def test_too_few_donors_are_refused():
    with pytest.raises(FitError):
        donor_baseline(donors(background_rules().minimum_donors - 1))


def test_donors_of_several_series_are_refused():
    mixed = donors(12)
    with pytest.raises(InputError):
        donor_baseline([*mixed[:6], *(replace(m, material="PB") for m in mixed[6:])])


def test_a_donor_counts_once_with_the_earliest_evaluable_sample():
    given = donors(20)
    again = replace(given[0], sample_id="LATER", measurement_id="M0b", drawn_on=dt.date(2020, 6, 1))
    assert donor_baseline([again, *given]) == donor_baseline(given)
    _, findings = donor_baselines([again, *given], samples([again, *given]))
    assert [f.code for f in findings] == ["background.repeat_donor_sample"]


def test_few_donors_fall_back_on_the_assumption_and_say_so():
    given = donors(3)
    baselines, findings = donor_baselines(given, samples(given))
    assert [(b.method, b.median, b.rule_id) for b in baselines] == [("assumed", 8.0, "prior_baalc_bm")]
    assert [f.code for f in findings] == ["background.assumed"]


def test_an_assumption_about_abl1_says_nothing_about_another_control_gene():
    given = [replace(m, control="GUSB", assay_id="BAALC/GUSB") for m in donors(3)]
    baselines, findings = donor_baselines(given, samples(given))
    assert baselines == ()
    assert [f.code for f in findings] == ["background.not_fitted"]


def test_patients_are_not_donors():
    given = donors(20)
    patients = [replace(s, reason="scheduled") for s in samples(given)]
    baselines, _ = donor_baselines(given, patients)
    assert baselines[0].method == "assumed"
