"""From wells to measurements: the entry of quantitative PCR.

Order: columns, curves, their history, replicates, contamination, pairs, internal controls (from which the errors of run and
reverse transcription are learned), evidence, records. Everything works on columns; records are made last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from remnant.assay.qpcr.calibration import with_history
from remnant.assay.qpcr.charts import chart_findings, control_points
from remnant.assay.qpcr.components import learned_variance
from remnant.assay.qpcr.contamination import contamination
from remnant.assay.qpcr.curves import curve_findings, curve_records, judged_curves, last_cycle_findings
from remnant.assay.qpcr.groups import Groups, read_groups, without_outliers
from remnant.assay.qpcr.internal import control_values, silent_controls
from remnant.assay.qpcr.measurements import measurement_findings, measurements
from remnant.assay.qpcr.pairs import Pairs, pair, pool_groups
from remnant.assay.qpcr.plates import well_frame
from remnant.assay.qpcr.ratios import ratio_evidence
from remnant.assay.qpcr.uses import well_uses
from remnant.assay.qpcr.validation import with_limits
from remnant.knowledge.assays import default_assays
from remnant.knowledge.calibration import CurveChoice, calibration_rules
from remnant.knowledge.qpcr import QpcrRules, qpcr_rules, unverified_rows
from remnant.knowledge.variance import default_variance
from remnant.records.control import VarianceComponent
from remnant.records.finding import Finding
from remnant.records.measurement import Measurement
from remnant.records.quantified import Quantified
from remnant.records.run import Assay, Run, Well
from remnant.records.sample import Cdna, Sample

__all__ = ["quantify"]

Integers = NDArray[np.int64]


def quantify(
    *,
    wells: Sequence[Well],
    runs: Sequence[Run],
    cdnas: Sequence[Cdna] = (),
    samples: Sequence[Sample] = (),
    assays: Sequence[Assay] | None = None,
    variance: Sequence[VarianceComponent] | None = None,
    rules: QpcrRules | None = None,
    learn: bool = True,
    standard_curve: CurveChoice = "own",
) -> Quantified:
    """Measurements with evidence from the wells of any number of runs.

    Parameters
    ----------
    wells : sequence of Well
        Wells as the instrument stored them; the instrument's Cq is used.
    runs : sequence of Run
        Runs: cDNA volume a well, cycles, day.
    cdnas : sequence of Cdna, default ()
        Reverse transcriptions; wells name them, or the sample.
    samples : sequence of Sample, default ()
        Samples; a well that names none is not quantified.
    assays : sequence of Assay or None, default None
        What is measured and in which unit; None takes the table that ships.
    variance : sequence of VarianceComponent or None, default None
        Errors above the tube; None takes the unverified defaults.
    rules : QpcrRules or None, default None
        Rule rows; None takes the default rows.
    learn : bool, default True
        Whether the errors of run and transcription are learned from internal controls.
    standard_curve : {"own", "laboratory"}, default "own"
        Whether assays with few plates, or without standards, borrow from the standards of other assays.

    Returns
    -------
    Quantified
        Measurements in the order of their first wells, curves, decisions on wells, control charts, the errors
        used, and findings.

    Raises
    ------
    MeasurementError
        If a well cannot be.
    UnitError
        If an assay's unit is not a ratio.

    Notes
    -----
    The ratio is ``(sum T / sum v_T) / (sum C / sum v_C)`` with exposures v, so that three target and two
    control wells do not bias it. Nothing detected gives the bound ``3.00 / (p sum v_T c)``, c control copies
    per exposure, integrated over the named errors.

    References
    ----------
    .. [1] Gabert et al., Leukemia 17, 2318-2357 (2003): standard curves, control gene, normalised copies.

    Examples
    --------
    >>> import datetime as dt
    >>> def well(position, target, sample, kind, cq, copies=None):
    ...     return Well(run_id="R-01", position=position, target=target, sample=sample, kind=kind,
    ...                 detected=cq is not None, cq=cq, standard_copies=copies)
    >>> wells = [
    ...     well(f"{gene}{i}", gene, "STD", "standard", 39.4 - 3.4 * i, 10.0**i)
    ...     for gene in ("WT1", "ABL1") for i in range(1, 7)
    ... ]
    >>> wells += [well(f"A{i}", "ABL1", "S-014", "unknown", 24.78) for i in range(2)]
    >>> wells += [well(f"B{i}", "WT1", "S-014", "unknown", cq) for i, cq in enumerate((32.6, 32.5, 32.7))]
    >>> sample = Sample(sample_id="S-014", patient_id="P-003", material="BM", drawn_on=dt.date(2021, 3, 4))
    >>> got = quantify(wells=wells, runs=[Run(run_id="R-01")], samples=[sample])
    >>> [one] = got.measurements
    >>> one.state, round(one.point_value, 1), one.unit
    ('quantified', 50.2, 'per_1e4')
    """
    chosen = rules or qpcr_rules()
    declared = tuple(
        assay for assay in (default_assays() if assays is None else assays) if assay.platform == "qpcr"
    )
    frame, findings = well_frame(
        wells, runs=runs, cdnas=cdnas, samples=samples, assays=declared, assumptions=chosen.wells
    )
    curves, history_findings = with_history(
        judged_curves(frame, chosen.curves, chosen.wells),
        frame,
        runs=runs,
        assumptions=chosen.wells,
        rules=calibration_rules(),
        borrow=standard_curve,
    )
    groups, outliers, replicate_findings = without_outliers(read_groups(frame, curves), chosen)
    pools = pool_groups(groups, cq_below=chosen.positivity.cq_below, assumptions=chosen.wells)
    blocked, blank_findings = contamination(frame, groups, assays=declared, rule=chosen.contamination)
    pairs, pair_findings = pair(
        groups, pools, curves=curves, assays=declared, contaminated=blocked, rules=chosen
    )
    internal = groups.keys["role"].to_numpy()[pairs.target] == "internal"
    controls, own = (_take(pairs, np.flatnonzero(rows)) for rows in (internal, ~internal))
    values = control_values(controls, groups, pools=pools, curves=curves, assays=declared)
    points = control_points(values, settings=chosen.charts, rules=chosen.westgard)
    components, variance_findings = learned_variance(
        values if learn else (),
        variance=default_variance() if variance is None else variance,
        assays=declared,
        settings=chosen.charts,
        measured=set(frame["target"]),
    )
    by_code = {sample.sample_id: sample for sample in samples}
    clear = _take(own, np.flatnonzero([not text for text in own.obstacle]))
    evidence = ratio_evidence(
        clear,
        groups,
        pools=pools,
        curves=curves,
        assays=declared,
        variance=components,
        patients=_patients(clear, groups, by_code),
        rules=chosen,
    )
    found = with_limits(
        measurements(
            own,
            groups,
            pools=pools,
            evidence=evidence,
            assays=declared,
            samples=by_code,
            rules=chosen,
            lent=curves.lines.is_lent(groups.curve),
        ),
        wells,
    )
    fits = curve_records(curves)
    highest = {(fit.run_id, fit.target): fit.highest_copies for fit in fits}
    return Quantified(
        measurements=tuple(found),
        curve_fits=fits,
        well_uses=well_uses(frame, groups, outliers),
        control_points=points,
        variance=components,
        findings=(
            *findings,
            *curve_findings(curves),
            *history_findings,
            *replicate_findings,
            *blank_findings,
            *pair_findings,
            *last_cycle_findings(curves, frame),
            *silent_controls(groups, pools),
            *chart_findings(points, chosen.westgard),
            *variance_findings,
            *measurement_findings(found, assays=declared, highest_copies=highest, rules=chosen),
            *_unverified(chosen, found),
        ),
    )


def _patients(pairs: Pairs, groups: Groups, samples: Mapping[str, Sample]) -> list[str]:
    codes = groups.keys["sample_id"].to_numpy()[pairs.target]
    return [samples[code].patient_id for code in codes]


def _take(pairs: Pairs, rows: Integers) -> Pairs:
    return replace(
        pairs,
        assay=pairs.assay[rows],
        target=pairs.target[rows],
        control=pairs.control[rows],
        obstacle=tuple(pairs.obstacle[i] for i in rows),
        low_control=tuple(pairs.low_control[i] for i in rows),
    )


def _unverified(rules: QpcrRules, found: Sequence[Measurement]) -> list[Finding]:
    """Rules behind these measurements that nobody verified, once each."""
    if not found:
        return []
    return [
        Finding(
            code="qpcr.unverified_rule",
            severity="note",
            subject=f"rule {row}",
            message=f"The row {row} is not verified against its source: {source}.",
            advice="Verify it, or choose another row.",
        )
        for row, source in unverified_rows(rules, {one.control for one in found})
    ]
