"""The page of a run says why a standard curve failed, and which wells were left out."""

import pytest

from remnant.records.measurement import CurveFit, WellUse
from remnant.report import standard_curves


def fit(target, slope, *, reasons=()):
    return CurveFit(
        run_id="R-1", target=target, slope=slope, intercept=40.0, r_squared=0.9991, efficiency=10 ** (-1 / slope) - 1,
        residual_sd_cycles=0.15, wells=10, lowest_copies=20.0, highest_copies=200_000.0, mean_log10_copies=3.3,
        sum_squares_log10=20.0, verdict="fail" if reasons else "pass", reasons=reasons, rule_id="eac_2003",
    )  # fmt: skip


def use(position, decision, reason, *, used=False):
    return WellUse(
        run_id="R-1", position=position, target="WT1", sample="C-1", used=used, copies=None, decision=decision, reason=reason
    )  # fmt: skip


def cells(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_a_failed_curve_says_its_gate_and_what_follows():
    held = standard_curves.section(
        [fit("WT1", -4.05, reasons=("slope -4.050, need -3.6 to -3.2",)), fit("ABL1", -3.4)], []
    )
    assert held.caption == "Failed: WT1. Samples get no number from a curve that failed."
    table, left_out = held.tables
    assert cells(table) == [
        ["ABL1", "passed", "−3.400", "97", "0.9991", "0.15", "10 wells", ""],
        ["WT1", "failed", "−4.050", "77", "0.9991", "0.15", "10 wells", "slope -4.050, need -3.6 to -3.2"],
    ]
    assert [row[1].tone for row in table.rows] == ["", "act"]
    assert not left_out.rows


def test_wells_left_out_stand_with_their_reason_and_controls_do_not():
    table = standard_curves.left_out_table(
        [
            use("A02", "outlier", "100 copies beside 1,000 and 1,040: P < 0.0001."),
            use("A01", "excluded by the laboratory", "bubble in the well"),
            use("A03", "used", "Cq 30 reads 100 copies.", used=True),
            use("H12", "control well", "No signal, as it should be."),
        ]
    )
    assert [(row[2], row[3]) for row in cells(table)] == [
        ("A01", "bubble in the well"),
        ("A02", "100 copies beside 1,000 and 1,040: P < 0.0001."),
    ]


@pytest.mark.parametrize(
    ("fits", "said"),
    [([], "No target of this run has a standard curve of its own."), ([fit("WT1", -3.4)], "All passed.")],
)
def test_without_failure_it_is_said_too(fits, said):
    assert standard_curves.section(fits, []).caption == said
