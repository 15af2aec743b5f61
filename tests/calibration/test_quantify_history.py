"""A plate borrows from the laboratory's history; gates and point values stay the plate's own."""

import numpy as np
import pytest

from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import TUBE
from remnant.evidence.verbs import change, interval, is_detected, probability_above


def codes(got, code):
    return [finding for finding in got.findings if finding.code == code]


def test_one_plate_reads_its_own_least_squares_line(laboratory):
    lab = laboratory(1)
    lab.plate("R-01")
    got = lab.quantified()
    assert [fit.history_plates for fit in got.curve_fits] == [0, 0]
    assert all(fit.evidence_slope is None for fit in got.curve_fits)


def test_gates_and_point_values_do_not_move_when_a_history_grows(laboratory):
    """The first plate alone and among eight: same slope, R2, verdict, copies, point value; other evidence."""
    alone, many = laboratory(4), laboratory(4)
    alone.plate("R-01")
    for i in range(8):
        many.plate(f"R-{i + 1:02d}")
    one, other = alone.quantified(), many.quantified()
    for a, b in zip(one.curve_fits, other.curve_fits[:2], strict=True):
        assert (a.slope, a.intercept, a.r_squared, a.verdict) == (
            b.slope,
            b.intercept,
            b.r_squared,
            b.verdict,
        )
        assert b.history_plates == 8
        assert b.evidence_slope != a.slope
    mine = next(m for m in other.measurements if m.run_id == "R-01")
    assert mine.point_value == one.measurements[0].point_value
    assert mine.target_copies == one.measurements[0].target_copies
    assert mine.estimate != one.measurements[0].estimate


@pytest.mark.coverage
def test_history_narrows_the_curve_and_keeps_coverage(laboratory):
    inside, curve_sd = [], {"alone": [], "history": []}
    for seed in range(12):
        lab = laboratory(100 + seed)
        for i in range(9):
            lab.plate(f"R-{i:02d}")
        found = lab.quantified().measurements
        batch = EvidenceBatch.of([m.evidence for m in found])
        got = interval(batch, include=TUBE)
        truth = 1e4 * lab.copies / lab.control
        inside.append((got.lower <= truth) & (truth <= got.upper))
        single = laboratory(100 + seed)
        single.plate("R-00")
        for name, one in (("alone", single.quantified().measurements[0]), ("history", found[0])):
            curve_sd[name] += [t.sd_log10 for t in one.evidence.errors if t.name == "curve:R-00:WT1"]
    assert 0.90 <= np.mean(inside) <= 0.99
    assert np.mean(curve_sd["history"]) < np.mean(curve_sd["alone"])


def test_a_plate_that_drifted_is_said_and_reads_its_own_line(laboratory):
    lab = laboratory(7)
    for i in range(10):
        lab.plate(f"R-{i:02d}", shift=2.5 if i == 6 else 0.0)
    got = lab.quantified()
    said = codes(got, "qpcr.curve_drift")
    assert {finding.subject for finding in said} == {"run R-06"}
    assert "cycles at" in said[0].message
    assert {fit.history_plates for fit in got.curve_fits if fit.run_id == "R-06"} == {0}
    assert {fit.history_plates for fit in got.curve_fits if fit.run_id != "R-06"} == {9}


def test_a_weak_dilution_of_the_lot_is_named(laboratory):
    lab = laboratory(9)
    for i in range(8):
        lab.plate(f"R-{i:02d}", off={1e3: 0.5})
    said = codes(lab.quantified(), "qpcr.standard_level_off")
    assert any(
        "standard of 1,000 copies" in finding.message and "holds about" in finding.message for finding in said
    )


def test_a_lot_with_few_plates_borrows_the_slope_of_another(laboratory):
    lab = laboratory(11)
    for i in range(7):
        lab.plate(f"R-{i:02d}", lot="A")
    lab.plate("R-20", lot="B", shift=1.0)
    got = lab.quantified()
    new = next(fit for fit in got.curve_fits if fit.run_id == "R-20" and fit.target == "WT1")
    assert new.history_plates == 7
    assert abs(new.evidence_slope + 3.4) < abs(new.slope + 3.4) + 0.02
    assert not codes(got, "qpcr.curve_drift")


def test_an_assays_own_dilutions_stand_beside_its_negatives(laboratory, series):
    lab = laboratory(3, copies=0.01)
    lab.plate("R-00")
    before = lab.quantified().measurements[0]
    assert before.state == "not detected"
    assert before.limit_of_detection is None
    lab.wells += series(q=0.5, each=60)
    after = lab.quantified().measurements[0]
    assert after.evidence == before.evidence
    # Six copies in three wells of one exposure, over 20 000 control copies each.
    assert after.limit_of_detection == pytest.approx(6.0 / 3 / 20_000 * 1e4, rel=0.35)
    assert "limit of detection of" in after.reason


def test_normalised_copies_answer_every_question_with_a_history(laboratory):
    """Value, interval, P(above), change with P(rise of one log), detection state."""
    low, high = laboratory(13, copies=1.0), laboratory(13, copies=400.0)
    for i in range(6):
        low.plate(f"R-{i:02d}")
        high.plate(f"R-{i:02d}")
    before, after = low.quantified().measurements, high.quantified().measurements
    a, b = EvidenceBatch.of([m.evidence for m in before]), EvidenceBatch.of([m.evidence for m in after])
    assert {m.state for m in after} == {"quantified"}
    assert {m.state for m in before} <= {"detected", "not detected"}
    assert (probability_above(b, 100.0) > 0.9).all()
    assert (probability_above(a, 100.0) < 0.05).all()
    rise = change(a, b, steps=(0.0, 1.0))
    assert (rise.probability[:, 1] > 0.9).all()
    assert is_detected(b).all()
