"""Levey-Jennings points, the Westgard rules, and errors learned from internal controls."""

import datetime as dt

import numpy as np
import pytest

from remnant.assay.qpcr.charts import ControlValue, chart_findings, control_points
from remnant.assay.qpcr.components import learned_variance
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import MEASUREMENT, TUBE
from remnant.evidence.verbs import interval
from remnant.knowledge.assays import default_assays
from remnant.knowledge.qpcr import chart_settings, westgard_rules
from remnant.knowledge.variance import default_variance
from remnant.records.control import VarianceComponent
from remnant.records.sample import Cdna

START = dt.date(2020, 1, 6)


def value(run, log10_value, *, control="IQC-HIGH", cdna=None, tube=0.03, calibration=0.0):
    return ControlValue(
        run_id=f"R-{run:03d}",
        control_name=control,
        cdna_id=cdna or control,
        target="WT1",
        assay_id="WT1/ABL1",
        unit="per_1e4",
        run_on=START + dt.timedelta(days=7 * run),
        log10_value=log10_value,
        tube_sd_log10=tube,
        calibration_sd_log10=calibration,
    )


def charted(z, *, other=None):
    """Points of a chart whose first twenty values have mean 3 and sd .1, then these z."""
    quiet = np.resize([-1.0, 1.0], 20) * 0.1 / np.std(np.resize([-1.0, 1.0], 20), ddof=1)
    values = []
    for control, tail in (("IQC-HIGH", z), ("IQC-LOW", other)):
        if tail is not None:
            values += [
                value(i, 3.0 + y, control=control) for i, y in enumerate([*quiet, *(0.1 * np.array(tail))])
            ]
    points = control_points(values, settings=chart_settings(), rules=westgard_rules())
    return [point for point in points if point.control_name == "IQC-HIGH"][20:]


@pytest.mark.parametrize(
    ("z", "rules"),
    [
        ([0.5], [()]),
        ([2.1], [("1_2s",)]),
        ([-3.2], [("1_2s", "1_3s")]),
        ([2.1, 2.2], [("1_2s",), ("1_2s", "2_2s")]),
        ([2.1, -2.2], [("1_2s",), ("1_2s",)]),
        ([1.1, 1.2, 1.3, 1.4], [(), (), (), ("4_1s",)]),
        ([1.1, 1.2, -1.3, 1.4], [(), (), (), ()]),
        ([-0.5] * 10, [()] * 9 + [("10_x",)]),
    ],
)
def test_rules_along_a_chart(z, rules):
    # The value before the tail lies above the mean: a run of the other sign starts afresh.
    points = charted([0.01 if z[0] < 0 else -0.01, *z])[1:]
    assert [point.z for point in points] == pytest.approx(z)
    assert [point.rules for point in points] == rules
    assert [point.rejects for point in points] == [bool(set(names) - {"1_2s"}) for names in rules]


@pytest.mark.parametrize(
    ("high", "low", "rules"),
    [(2.1, -2.3, ("1_2s", "R_4s")), (2.1, 2.3, ("1_2s", "2_2s")), (2.1, 0.0, ("1_2s",)), (1.9, -2.3, ())],
)
def test_rules_across_the_controls_of_a_run(high, low, rules):
    [point] = charted([high], other=[low])
    assert point.rules == rules


def test_a_young_chart_is_drawn_without_limits():
    points = control_points(
        [value(i, 3.0 + i) for i in range(3)], settings=chart_settings(), rules=westgard_rules()
    )
    assert [(point.mean, point.sd, point.z, point.rules) for point in points] == [(None, None, None, ())] * 3


def test_undated_runs_stand_last():
    values = [value(1, 3.0), value(0, 3.1)]
    values[0] = ControlValue(
        **{name: getattr(values[0], name) for name in ControlValue.__slots__} | {"run_on": None}
    )
    points = control_points(values, settings=chart_settings(), rules=westgard_rules())
    assert [point.run_id for point in points] == ["R-000", "R-001"]


def test_findings_speak_of_violations_only():
    points = charted([2.1, 0.0, 3.5])
    found = chart_findings(points, westgard_rules())
    assert [finding.code for finding in found] == ["qpcr.westgard_warning", "qpcr.westgard"]
    assert "z = 3.50;" in found[1].message


def drawn_controls(seed, *, runs=80, run_sd=0.07, rt_sd=0.12, tube=0.03, named=True, fresh=True):
    rng = np.random.default_rng(seed)
    values = []
    for run in range(runs):
        shared = rng.normal(0, run_sd)
        for control, level in (("IQC-HIGH", 3.5), ("IQC-LOW", 2.0)):
            own = rng.normal(0, rt_sd) if fresh else 0.0
            cdna = control if not named else f"{control}-{run if fresh else 0}"
            y = level + shared + own + rng.normal(0, tube)
            values.append(value(run, y, control=control, cdna=cdna, tube=tube))
    return values


def learned(values, **settings):
    components, findings = learned_variance(
        values,
        variance=settings.get("variance", default_variance()),
        assays=default_assays(),
        settings=chart_settings(),
        measured=settings.get("measured", {"WT1", "BAALC", "ABL1"}),
    )
    return [part for part in components if part.status == "learned"], components, findings


@pytest.mark.coverage
@pytest.mark.parametrize(("run_sd", "rt_sd"), [(0.07, 0.12), (0.15, 0.05), (0.03, 0.20)])
def test_run_and_transcription_are_told_apart_by_two_fresh_controls(run_sd, rt_sd):
    found = [learned(drawn_controls(seed, run_sd=run_sd, rt_sd=rt_sd, runs=200))[0] for seed in range(8)]
    run = np.sqrt(np.mean([parts[0].sd_log10 ** 2 for parts in found]))
    rt = np.sqrt(np.mean([parts[1].sd_log10 ** 2 for parts in found]))
    assert [part.error_class for part in found[0]] == ["run", "rt"]
    assert run == pytest.approx(run_sd, abs=0.03)
    assert rt == pytest.approx(rt_sd, abs=0.015)


@pytest.mark.coverage
def test_one_frozen_cdna_tells_the_run_only_and_level_by_level():
    parts, _all, findings = learned(drawn_controls(1, run_sd=0.10, fresh=False, runs=100))
    assert {part.error_class for part in parts} == {"run"}
    assert sorted(round(part.level_log10) for part in parts) == [2, 4]
    assert [part.sd_log10 for part in parts] == pytest.approx([0.10, 0.10], abs=0.015)
    assert all(part.default_sd_log10 == 0.07 for part in parts)
    assert [finding.code for finding in findings].count("qpcr.variance_learned") == 2


def test_a_control_without_a_named_cdna_never_lowers_the_error_of_transcription():
    parts, _all, _findings = learned(drawn_controls(1, rt_sd=0.02, named=False, runs=100))
    assert [part.sd_log10 for part in parts if part.error_class == "rt"] == pytest.approx([0.12])
    parts, _all, _findings = learned(drawn_controls(1, rt_sd=0.25, named=False, runs=100))
    assert [part.sd_log10 for part in parts if part.error_class == "rt"] == pytest.approx([0.25], abs=0.03)


def test_few_runs_teach_nothing_and_typed_in_values_stay():
    assert learned(drawn_controls(1, runs=5))[0] == []
    mine = tuple(
        VarianceComponent(error_class=name, target="", sd_log10=0.05, source="typed in", status="verified")
        for name in ("run", "rt")
    )
    parts, components, _findings = learned(drawn_controls(1), variance=mine)
    assert parts == []
    assert components == mine


def test_learned_errors_replace_the_defaults_in_the_evidence(noisy_bench):
    rng = np.random.default_rng(5)
    for run in range(12):
        run_id, shift = f"R-{run:02d}", 10 ** rng.normal(0, 0.2)
        noisy_bench.run(run_id, run_on=START + dt.timedelta(days=7 * run))
        for control, copies in (("IQC-HIGH", 5000), ("IQC-LOW", 500)):
            cdna = f"{control}-{run}"
            noisy_bench.cdnas.append(Cdna(cdna_id=cdna, sample_id=control))
            noisy_bench.molecules(run_id, "ABL1", cdna, rng.poisson([20_000] * 2), kind="positive_control")
            noisy_bench.molecules(
                run_id, "WT1", cdna, rng.poisson([copies * shift] * 3), kind="positive_control"
            )
    noisy_bench.sample("S-014")
    noisy_bench.molecules("R-00", "ABL1", "S-014", [20_000, 20_000])
    noisy_bench.molecules("R-00", "WT1", "S-014", [500, 500, 500])
    got = noisy_bench.quantified()
    [one] = got.measurements
    learned_run = next(
        part for part in got.variance if part.status == "learned" and part.error_class == "run"
    )
    term = next(term for term in one.evidence.errors if term.name == "run:R-00")
    assert term.sd_log10 == learned_run.sd_log10 > 0.1
    assert (
        next(t for t in noisy_bench.only(learn=False).evidence.errors if t.name == "run:R-00").sd_log10
        == 0.07
    )
    batch = EvidenceBatch.of([one.evidence])
    assert interval(batch, include=MEASUREMENT).sd_log10[0] > 2 * interval(batch, include=TUBE).sd_log10[0]
    charts = {(point.control_name, point.target, point.assay_id) for point in got.control_points}
    assert charts == {
        (control, target, assay)
        for control in ("IQC-HIGH", "IQC-LOW")
        for target, assay in (("WT1", "WT1/ABL1"), ("ABL1", ""))
    }
    assert len(got.control_points) == 4 * 12


def test_an_internal_control_never_borrows_a_control_gene(bench):
    bench.run("R-01")
    bench.run("R-02")
    bench.molecules("R-01", "ABL1", "IQC-HIGH", [20_000, 20_000], kind="positive_control")
    bench.molecules("R-02", "WT1", "IQC-HIGH", [500, 500], kind="positive_control")
    got = bench.quantified()
    assert {(p.run_id, p.target, p.assay_id, p.unit) for p in got.control_points} == {
        ("R-01", "ABL1", "", "copies"),
        ("R-02", "WT1", "", "copies"),
    }
    assert got.measurements == ()


def test_assumptions_about_targets_that_no_well_measures_are_not_mentioned():
    for measured, expected in (({"WT1", "ABL1"}, {"WT1", ""}), ({"BAALC", "ABL1"}, {"BAALC", ""})):
        _, _, findings = learned([], measured=measured)
        named = {one.subject.partition(" of ")[2] for one in findings}
        assert named == expected
