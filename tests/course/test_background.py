"""BAALC against the donors and against the patient's own post-engraftment background."""

import pytest

LOW = [{"day": day, "BAALC": 5.0} for day in (90, 120, 150, 180)]
HIGH = [{"day": day, "BAALC": 20.0} for day in (90, 120, 150, 180)]


def last(course):
    return course.points[-1]


def test_baalc_is_raised_above_the_donors_and_far_from_its_own_background(build):
    got = last(build.course([*LOW, {"day": 210, "BAALC": 60.0}]))
    assert (got.state, got.raised) == ("raised once", True)
    assert got.z_background > 2
    assert got.background_median == pytest.approx(5.5, rel=0.15)


def test_above_the_donors_is_not_enough_where_the_own_background_is_high(build):
    line = {"day": 210, "BAALC": 38.0}
    assert last(build.course([*LOW, line])).raised
    got = last(build.course([*HIGH, line]))
    assert not got.raised
    assert 0 < got.z_background < 2
    assert "2 needed" in got.reason


def test_far_from_the_own_background_is_not_enough_below_the_donors_percentile(build):
    got = last(build.course([*LOW, {"day": 210, "BAALC": 27.0}]))
    assert got.z_background > 2
    assert not got.raised


def test_a_tenfold_rise_alone_does_not_raise_baalc(build):
    low = [{"day": day, "BAALC": 2.0} for day in (90, 120, 150, 180)]
    got = last(build.course([*low, {"day": 210, "BAALC": 22.0}]))
    assert got.change_log10 > 1
    assert not got.raised


@pytest.mark.parametrize(
    "spoil",
    [
        {"chimerism_whole_percent": 90.0},
        {"chimerism_whole_percent": None},
        {"blast_percent": 6.0, "material": "BM"},
        {"blast_percent": None},
        {"reason": "suspected_relapse"},
    ],
)
def test_only_clean_samples_teach_the_background(build, spoil):
    line = {"day": 210, "BAALC": 38.0}
    spoilt = [{**one, **spoil} for one in HIGH]
    got, untaught = last(build.course([*spoilt, line])), last(build.course([line]))
    assert got.background_median == pytest.approx(untaught.background_median)
    assert last(build.course([*HIGH, line])).background_median > 1.5 * got.background_median


def test_a_remission_before_transplantation_is_not_the_background(build):
    line = {"day": 210, "BAALC": 38.0}
    remission = [{"day": day, "BAALC": 25.0} for day in (-90, -60, -30)]
    got, untaught = last(build.course([*remission, line])), last(build.course([line]))
    assert got.background_median == pytest.approx(untaught.background_median)


def test_before_engraftment_nothing_is_taught(build):
    lines = [{"day": 22, "BAALC": 20.0}, {"day": 25, "BAALC": 20.0}, {"day": 210, "BAALC": 20.0}]
    default = last(build.course(lines))
    recorded = last(build.course(lines, events=[("engraftment", 15)]))
    assert recorded.background_median > default.background_median


@pytest.mark.property
def test_no_sample_is_judged_against_itself_or_a_later_one(build):
    lines = [{"day": day, "BAALC": value} for day, value in ((90, 6), (120, 9), (150, 20), (180, 7))]
    whole = build.course(lines).points
    for n in range(1, len(lines)):
        for one, other in zip(build.course(lines[:n]).points, whole, strict=False):
            assert one.z_background == pytest.approx(other.z_background)
            assert one.background_median == pytest.approx(other.background_median)


def test_a_raised_sample_does_not_hide_the_next_one(build):
    lines = [*LOW, *({"day": day, "BAALC": 45.0} for day in (210, 230, 250, 270, 290))]
    assert [p.raised for p in build.course(lines).points] == [False] * 4 + [True] * 5


def test_early_regeneration_lifts_the_background(build):
    early, later = (last(build.course([{"day": day, "BAALC": 40.0}])) for day in (60, 100))
    assert early.background_median == pytest.approx(2 * later.background_median, rel=0.01)
    assert early.background_sd_log10 > later.background_sd_log10
    assert (early.raised, later.raised) == (False, True)


def test_undetected_samples_teach_as_censored_values(build):
    line = {"day": 210, "BAALC": 9.0}
    unseen = [{"day": day, "BAALC": "<1.0"} for day in (90, 120, 150)]
    got, untaught = last(build.course([*unseen, line])), last(build.course([line]))
    assert got.background_median < 0.5 * untaught.background_median
    assert [p.z_background for p in build.course([*unseen, line]).points][:3] == [None] * 3


def test_wt1_is_raised_by_its_cut_off_whatever_the_background(build):
    high = [{"day": day, "WT1": 240.0} for day in (90, 120, 150, 180)]
    got = last(build.course([*high, {"day": 210, "WT1": 260.0}]))
    assert (got.raised, got.rule_id) == (True, "eln_bm_250")
    assert got.z_background < 2
