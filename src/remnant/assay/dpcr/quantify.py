"""From partitions to measurements: the entry of digital PCR.

Order: names, thresholds, blanks, outlier wells, variation between wells, concentrations, ratios.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from remnant.assay.dpcr.blanks import blank_rates
from remnant.assay.dpcr.concentrations import digital_wells
from remnant.assay.dpcr.gating import Count, GateChoice, gated
from remnant.assay.dpcr.ratios import ratio_measurements
from remnant.assay.dpcr.replicates import replicate_outliers, well_sds
from remnant.assay.dpcr.wells import NamedWell, named_wells
from remnant.knowledge.dpcr import DigitalRules, LinkageRule, dpcr_assays, dpcr_rules, unverified_rows
from remnant.knowledge.variance import default_variance
from remnant.numerics.partitions import linkage, rate
from remnant.records.control import VarianceComponent
from remnant.records.finding import Finding
from remnant.records.measurement import WellUse
from remnant.records.partition import Amplitudes, DigitalQuantified, DigitalWell, Partitions, PlateWell
from remnant.records.run import Assay, Run
from remnant.records.sample import Cdna, Sample

__all__ = ["quantify_partitions"]


def quantify_partitions(
    partitions: Sequence[Partitions],
    *,
    amplitudes: Sequence[Amplitudes] = (),
    layout: Sequence[PlateWell] = (),
    runs: Sequence[Run] = (),
    cdnas: Sequence[Cdna] = (),
    samples: Sequence[Sample] = (),
    assays: Sequence[Assay] | None = None,
    variance: Sequence[VarianceComponent] | None = None,
    rules: DigitalRules | None = None,
    gate: GateChoice = "control",
) -> DigitalQuantified:
    """Wells and measurements of any number of runs of digital PCR.

    Parameters
    ----------
    partitions : sequence of Partitions
        Wells as recorded.
    amplitudes : sequence of Amplitudes, default ()
        Fluorescence of the wells that hold no count.
    layout : sequence of PlateWell, default ()
        What the laboratory says that the wells hold.
    runs, cdnas, samples : sequence of records, default ()
        What the names refer to; a well that names no sample makes no measurement.
    assays : sequence of Assay or None, default None
        What is measured and in which unit; None takes the table that ships.
    variance : sequence of VarianceComponent or None, default None
        Errors above the tube; None takes the unverified defaults.
    rules : DigitalRules or None, default None
        Rule rows; None takes the table that ships.
    gate : {"control", "two-colour"}, default "control"
        How two-colour amplitudes are parted.

    Returns
    -------
    DigitalQuantified
        Measurements, wells, decisions and findings.

    References
    ----------
    .. [1] The dMIQE Group, The Digital MIQE Guidelines Update, Clin Chem 66, 1012-1029 (2020): what a
       digital PCR must report.

    Examples
    --------
    >>> import datetime as dt
    >>> def well(position, target, sample, kind, k):
    ...     return Partitions(run_id="D-01", position=position, channel=target, target=target, sample=sample,
    ...                       kind=kind, accepted=20_000, positives=k, instrument="qx")
    >>> wells = [well("A01", "WT1", "S-014", "unknown", 60), well("A01", "ABL1", "S-014", "unknown", 7500)]
    >>> wells += [well("B01", "WT1", "NTC", "ntc", 0), well("B01", "ABL1", "NTC", "ntc", 0)]
    >>> sample = Sample(sample_id="S-014", patient_id="P-003", material="BM", drawn_on=dt.date(2021, 3, 4))
    >>> [one] = quantify_partitions(wells, samples=[sample]).measurements
    >>> one.assay_id, one.state, round(one.point_value), one.unit
    ('WT1/ABL1 dPCR', 'quantified', 63, 'per_1e4')
    """
    chosen = rules or dpcr_rules()
    wells, findings = named_wells(partitions, layout, runs=runs, cdnas=cdnas, samples=samples, rules=chosen)
    counts, more = gated(wells, amplitudes, rule=chosen.gate, choice=gate)
    findings += more
    counts = {**_stored(wells), **counts}
    known = [counts[i].positives if i in counts else None for i in range(len(wells))]
    declared = [one for one in (dpcr_assays() if assays is None else assays) if one.platform == "dpcr"]
    specific = {one.target for one in declared if one.background == "leukaemia_specific"}
    blanks, bad_blanks, more = blank_rates(wells, known, chosen.blank, specific)
    findings += more
    usable = [
        i
        for i, well in enumerate(wells)
        if known[i] is not None
        and well.part.accepted
        and not well.part.excluded
        and not well.obstacle
        and i not in bad_blanks
    ]
    positives = [k or 0 for k in known]
    outliers, more = replicate_outliers(wells, positives, usable=usable, rule=chosen.replicates)
    findings += more
    usable = [i for i in usable if i not in outliers]
    spread = well_sds(wells, positives, usable=usable, rule=chosen.replicates)
    measured, more = ratio_measurements(
        wells,
        positives,
        usable=usable,
        blanks=blanks,
        well_sd=spread,
        assays=declared,
        samples={sample.sample_id: sample for sample in samples},
        variance=default_variance() if variance is None else variance,
        rules=chosen,
    )
    findings += more
    decisions = _decisions(wells, known, outliers, bad_blanks)
    records = digital_wells(wells, counts, decisions=decisions, blanks=blanks, well_sd=spread, rules=chosen)
    return DigitalQuantified(
        measurements=tuple(measured),
        wells=tuple(records),
        well_uses=tuple(_use(record) for record in records),
        findings=(
            *findings,
            *_well_findings(wells, records),
            *_linked(wells, counts, rule=chosen.linkage),
            *_unverified(chosen, records),
        ),
    )


def _stored(wells: Sequence[NamedWell]) -> dict[int, Count]:
    """Counts that the instrument made."""
    return {
        i: Count(
            method="instrument",
            positives=well.part.positives,
            threshold=well.part.threshold,
            both_positive=well.part.both_positive,
        )
        for i, well in enumerate(wells)
        if well.part.positives is not None
    }


def _decisions(
    wells: Sequence[NamedWell],
    known: Sequence[int | None],
    outliers: Mapping[int, tuple[str, str]],
    bad_blanks: set[int],
) -> list[tuple[str, str]]:
    decisions = []
    for i, well in enumerate(wells):
        if well.part.excluded:
            decisions.append(("excluded by the laboratory", well.part.excluded))
        elif known[i] is None:
            decisions.append(("not counted", "No threshold can be set, or the amplitudes are not at hand."))
        elif well.obstacle:
            decisions.append(("no exposure", well.obstacle))
        elif i in bad_blanks:
            decisions.append(
                ("outlier", "Neither the other blanks nor the wells of samples explain its positives.")
            )
        elif i in outliers:
            decision, why = outliers[i]
            decisions.append((decision, f"{why[:1].upper()}{why[1:]}."))
        elif well.part.kind == "ntc":
            decisions.append(("control well", ""))
        else:
            decisions.append(("used", ""))
    return decisions


def _use(record: DigitalWell) -> WellUse:
    counted = record.positives is not None and record.accepted
    copies = float(rate(record.positives or 0, record.accepted)) * record.accepted if counted else None
    finite = copies is not None and np.isfinite(copies)
    return WellUse(
        run_id=record.run_id,
        position=record.position,
        target=record.target,
        sample=record.sample,
        used=record.used,
        copies=copies if finite else None,
        decision=record.decision,
        reason=record.reason,
    )


def _well_findings(wells: Sequence[NamedWell], records: Sequence[DigitalWell]) -> list[Finding]:
    findings = []
    for well, record in zip(wells, records, strict=True):
        subject = f"well {record.run_id}:{record.position}"
        if record.accepted < well.instrument.minimum_partitions:
            findings.append(
                Finding(
                    code="dpcr.few_partitions",
                    severity="warning",
                    subject=subject,
                    message=f"{record.accepted} accepted partitions, fewer than {well.instrument.minimum_partitions}.",
                )
            )
        if record.accepted and record.positives == record.accepted:
            findings.append(
                Finding(
                    code="dpcr.saturated",
                    severity="warning",
                    subject=subject,
                    message=f"All {record.accepted} partitions are positive for {record.target or 'channel ' + record.channel}: only a lower bound is known.",
                    advice="Look for a swapped well." if record.kind == "ntc" else "Dilute and repeat.",
                )
            )
        if (
            record.used
            and record.kind in {"positive_control", "calibrator"}
            and record.positives is not None
            and record.state in {"not detected", "not evaluable"}
        ):
            findings.append(
                Finding(
                    code="dpcr.positive_control_silent",
                    severity="warning",
                    subject=f"run {record.run_id}",
                    message=f"Positive control {record.sample}, {record.target} in well {record.position}: {record.reason}.",
                    advice="Do not trust negatives of this run before it is explained.",
                )
            )
    return findings


def _linked(wells: Sequence[NamedWell], counts: Mapping[int, Count], *, rule: LinkageRule) -> list[Finding]:
    """Two-colour wells whose targets share partitions more often than chance allows, one finding a run."""
    pairs: dict[tuple[str, str], list[int]] = {}
    for i, one in counts.items():
        if one.both_positive is not None and one.positives is not None:
            pairs.setdefault((wells[i].part.run_id, wells[i].part.position), []).append(i)
    tested = [(key, rows) for key, rows in pairs.items() if len(rows) == 2]
    if not tested:
        return []
    both = np.array([counts[rows[0]].both_positive for _, rows in tested])
    first, second = (np.array([counts[rows[j]].positives for _, rows in tested]) for j in (0, 1))
    n = np.array([wells[rows[0]].part.accepted for _, rows in tested])
    neither = n - first - second + both
    sound = (neither > 0) & (both <= np.minimum(first, second)) & (first > 0) & (second > 0)
    found = linkage(both[sound], (first - both)[sound], (second - both)[sound], neither[sound])
    places: dict[str, list[str]] = {}
    for (key, _), p_value in zip(
        (t for t, good in zip(tested, sound, strict=True) if good), found.p_value, strict=True
    ):
        if p_value < rule.p_value:
            places.setdefault(key[0], []).append(key[1])
    return [
        Finding(
            code="dpcr.linked",
            severity="note",
            subject=f"run {run_id}",
            message=f"In {len(positions)} of {int(sound.sum())} two-colour wells the two targets share partitions more often than chance allows (P < {rule.p_value:g} each): {', '.join(positions[:10])}.",
        )
        for run_id, positions in places.items()
    ]


def _unverified(rules: DigitalRules, records: Sequence[DigitalWell]) -> list[Finding]:
    """Rules behind these wells that nobody verified, once each."""
    return [
        Finding(
            code="dpcr.unverified_rule",
            severity="note",
            subject=f"rule {row}",
            message=f"The row {row} of digital PCR is not verified against its source: {source}.",
            advice="Verify it, or replace it by the laboratory's own.",
        )
        for row, source in unverified_rows(rules, records)
    ]
