"""When patients are sampled, and what the samples' truth is made of."""

import numpy as np
import pytest

from remnant.example.assay import draw_abl1, draw_donors, draw_laboratory
from remnant.example.assumptions import number, numbers

pytestmark = pytest.mark.definition


def specimens(many):
    return [specimen for follow_up in many.follow_ups for specimen in follow_up.specimens]


def test_every_patient_has_diagnosis_and_those_who_relapse_a_relapse_sample(published):
    for follow_up in published.follow_ups:
        reasons = [s.sample.reason for s in follow_up.specimens]
        assert reasons.count("diagnosis") == 1
        assert reasons.count("relapse") == (follow_up.fate.growth is not None)
        days = [s.day for s in follow_up.specimens]
        assert days == sorted(days)
        assert max(days) <= follow_up.fate.last_day


def test_planned_samples_come_on_their_day_and_one_in_eight_is_missing(published):
    planned = np.array([-10.5, *numbers("visits.days")])
    drawn = due = 0
    for follow_up in published.follow_ups:
        fate = follow_up.fate
        end = fate.growth.day if fate.growth else fate.last_day
        days = np.array(
            [s.day for s in follow_up.specimens if s.sample.reason == "scheduled" and s.day < end]
        )
        assert (np.abs(days[:, None] - planned).min(axis=1) <= number("visits.jitter_days")).all()
        # Only visits that surely lie before the end are counted, or those on the edge would look missed.
        sure = planned[planned + number("visits.jitter_days") < end]
        due += len(sure)
        drawn += sum(bool((np.abs(days - day) <= number("visits.jitter_days")).any()) for day in sure)
    assert 1 - drawn / due == pytest.approx(0.12, abs=3 * np.sqrt(0.12 * 0.88 / due))


def test_repeats_come_two_to_four_weeks_after_a_rise(published):
    gaps = [
        second.day - first.day
        for follow_up in published.follow_ups
        for first, second in zip(follow_up.specimens, follow_up.specimens[1:], strict=False)
        if second.sample.reason == "confirmation"
    ]
    assert len(gaps) > 100
    # A planned visit may fall between a rise and its repeat, never within a week of it.
    assert min(gaps) > 7
    assert np.mean([14 <= gap <= 28 for gap in gaps]) > 0.95
    assert max(gaps) <= 28


def test_three_in_four_samples_are_marrow(published):
    assert 0.71 < np.mean([s.sample.material == "BM" for s in specimens(published)]) < 0.79


def test_biology_and_transcription_errors(published):
    both = specimens(published)
    biology = np.array([np.log10(np.divide(s.sample_truth, s.patient_truth)) for s in both])
    assert biology.std() == pytest.approx(0.20, abs=0.01)
    assert abs(np.corrcoef(biology.T)[0, 1]) < 0.05
    errors = np.array([s.transcription_log10 for s in both])
    assert 0.10 < errors.std() < 0.15
    assert np.corrcoef(errors.T)[0, 1] == pytest.approx(1 - number("error.own_share"), abs=0.04)


def test_abl1_copies():
    rng = np.random.default_rng(6)
    copies, degraded = zip(*(draw_abl1(rng, early=False) for _ in range(20_000)), strict=True)
    copies = np.array(copies)
    assert np.median(copies) == pytest.approx(20_000, rel=0.03)
    assert np.log10(copies).std() == pytest.approx(0.30, abs=0.04)
    assert 0.05 <= np.mean(copies < 10_000) <= 0.08
    assert 0.009 <= np.mean(copies < 1_000) <= 0.02
    assert np.mean(degraded) == pytest.approx(0.045, abs=0.006)
    early = [draw_abl1(rng, early=True)[0] for _ in range(4_000)]
    assert np.median(early) == pytest.approx(12_000, rel=0.05)


def test_blasts_stay_below_five_percent_until_relapse(published, null, adverse):
    for world in (published, null, adverse):
        for follow_up in world.follow_ups:
            fate = follow_up.fate
            end = fate.growth.day if fate.growth else fate.last_day + 1
            for s in follow_up.specimens:
                if 0 < s.day < end:
                    assert s.sample.blast_percent < (5 if s.sample.material == "BM" else 0.6)
                if s.sample.reason == "relapse" and s.sample.material == "BM":
                    assert s.sample.blast_percent >= 5


def test_chimerism_falls_with_the_clone(published):
    rows = [s.sample for s in specimens(published) if s.day >= 20]
    at_relapse = [r.chimerism_cd34_percent for r in rows if r.reason == "relapse"]
    assert max(at_relapse) < 25
    assert all(r.chimerism_whole_percent <= 100 for r in rows)
    early = [s.sample.chimerism_whole_percent for s in specimens(published) if s.day < 20]
    assert set(early) == {None}


def test_donors():
    rng = np.random.default_rng(2)
    donors = draw_donors(rng, draw_laboratory(rng))
    assert sum(d.sample.material == "BM" for d in donors) >= 40
    assert sum(d.sample.material == "PB" for d in donors) >= 20
    assert {d.sample.reason for d in donors} == {"donor"}
    assert len({d.sample.patient_id for d in donors}) == len(donors)


def test_laboratories_lie_in_the_stated_ranges():
    for seed in range(20):
        laboratory = draw_laboratory(np.random.default_rng(seed))
        assert 0.05 <= laboratory.run_sd_log10 <= 0.10
        assert 0.10 <= laboratory.transcription_sd_log10 <= 0.15
        assert 0.06 <= laboratory.technical_sd_cycles <= 0.10
