"""Why: every verdict with its rule, inputs and probability, and the rules with their sources."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, TypeVar

from remnant.evidence.kinds import ReportedEvidence
from remnant.knowledge.background import background_rules
from remnant.knowledge.kinetics import kinetics_rules
from remnant.records.deciding import decided, decision_text
from remnant.records.dossier import Dossier
from remnant.records.judgement import Call, Decision, SeriesPoint
from remnant.records.measurement import Measurement
from remnant.records.run import Assay
from remnant.report import changes, numbers, words
from remnant.report.patient.data import donors_of, state_tone
from remnant.report.series import measured_assays
from remnant.report.table import Cell, Column, Table
from remnant.units import days_text, number_text, unit_label

__all__ = [
    "alarms",
    "baselines",
    "cautions",
    "joint",
    "kinetics",
    "mrd_states",
    "rules",
    "states",
    "verdicts",
]

T = TypeVar("T")
_COUNTED_ONE_BY_ONE: Final = 1000.0


def verdicts(dossier: Dossier) -> Table:
    """Every rule on every measurement, newest first, with its inputs.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row a call.
    """
    by_id = {m.measurement_id: m for m in dossier.measurements}
    held = [(call, by_id[call.measurement_id]) for call in dossier.calls if call.measurement_id in by_id]
    titles = _series_names(dossier)
    held = _newest_first(
        held, on=lambda pair: pair[1].drawn_on, assay=lambda pair: pair[1].assay_id, titles=titles
    )
    columns = (
        Column("Date", number=True),
        Column("Marker"),
        Column("Rule"),
        Column("Verdict"),
        Column("P above", number=True),
        Column("Target / control copies", number=True),
        Column("Wells", number=True),
        Column("Reason", share=1),
    )
    return Table(
        title="Verdicts",
        note="The verdict is the rule on the point value, as published. P above is the probability that the true "
        "quantity lies above the cut-off, given this measurement; between 0.05 and 0.95 the verdict is borderline. A cut-off "
        "from the laboratory's donors is itself uncertain: P above is averaged over its posterior, and its interval is "
        "in the table of rules. A published or assumed cut-off is taken as it stands.",
        columns=columns,
        rows=tuple(
            _verdict_row(call, m, decided(call, dossier.decisions), marker=titles.get(m.assay_id, m.target))
            for call, m in held
        ),
    )


def _verdict_row(call: Call, m: Measurement, decision: Decision | None, *, marker: str) -> tuple[Cell, ...]:
    counted = (m.target_copies, m.control_copies)
    known = any(value is not None for value in counted)
    copies = " / ".join(_copies(value) or "not given" for value in counted) if known else ""
    typed = isinstance(m.evidence, ReportedEvidence)
    return (
        Cell(numbers.iso(m.drawn_on)),
        Cell(marker, note=words.place(m)),
        Cell(words.rule_label(call), note="" if call.status == "verified" else "unverified"),
        Cell(
            call.verdict,
            note=call.confidence if call.confidence != call.verdict else "",
        )
        if decision is None
        else Cell(call.verdict, note=decision_text(decision, call), tone="look"),
        Cell(numbers.probability(call.probability_above)),
        Cell(copies),
        Cell("as reported", tone="muted")
        if typed
        else Cell(
            f"{m.positive_wells} of {m.wells}", note=f"{m.control_wells} control" if m.control_wells else ""
        ),
        Cell(call.reason),
    )


def _copies(value: float | None) -> str:
    """Copies to three digits from a thousand on: no well knows them better."""
    return numbers.count(value) if value is None or value < _COUNTED_ONE_BY_ONE else number_text(value)


def rules(dossier: Dossier) -> Table:
    """Rules that were applied, with source, version and whether the source was verified.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row a rule and threshold.
    """
    columns = (
        Column("Rule"),
        Column("Cut-off", number=True),
        Column("Version"),
        Column("Status"),
        Column("Source", share=1),
    )
    measured = {m.measurement_id: m for m in dossier.measurements}
    found = {}
    for call in dossier.calls:
        m = measured.get(call.measurement_id)
        donors = donors_of(dossier, call, m) if m is not None else None
        unit = unit_label(call.unit, control=m.control if m is not None else "")
        named = f"{words.beyond(call.rule_id)} {numbers.level(call.threshold)} {unit}"
        cutoff = named if call.threshold > 0 else "none: a class of response or a level"
        found[call.rule_id, cutoff] = (
            Cell(words.rule_label(call), note=call.rule_id),
            Cell(cutoff, note=words.donors_limit(donors) if donors else ""),
            Cell(call.rule_version),
            Cell(call.status, tone="" if call.status == "verified" else "look"),
            Cell(call.source),
        )
    return Table(title="Rules", columns=columns, rows=tuple(found[key] for key in sorted(found)))


def states(dossier: Dossier) -> Table:
    """State of every series at every sample, with the numbers behind it, newest first.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row a point of the course.
    """
    titles = _series_names(dossier)
    points = dossier.course.points if dossier.course else ()
    columns = (
        Column("Date", number=True),
        Column("Marker"),
        Column("State"),
        Column("P rise", number=True),
        Column("P rise ≥ 1 log", number=True),
        Column("z background", number=True),
        Column("Reason", share=1),
    )
    rows = tuple(
        (
            Cell(numbers.iso(p.drawn_on)),
            Cell(titles.get(p.assay_id, p.assay_id), note=words.MATERIAL.get(p.material, p.material)),
            Cell(p.state, tone=state_tone(p.state)),
            Cell(changes.probability(p.probability_rise, p.change_lower, p.change_upper)),
            Cell(changes.probability(p.probability_rise_1_log, p.change_lower, p.change_upper)),
            Cell(numbers.signed(p.z_background, 1)),
            Cell(p.reason),
        )
        for p in _newest_first(points, on=lambda p: p.drawn_on, assay=lambda p: p.assay_id, titles=titles)
    )
    return Table(title="States of each series", columns=columns, rows=rows, note=_z_note(points))


def _z_note(points: Collection[SeriesPoint]) -> str:
    """What z is, and when the background behind it is raised."""
    markers = {p.target for p in points if p.z_background is not None}
    if not markers:
        return ""
    windows = {
        (one.from_day, one.to_day, 10.0**one.shift_log10)
        for marker, one in background_rules().regeneration.items()
        if marker in markers
    }
    raised = [
        f"from day +{first} to +{last} it is taken {factor:.2g} times as high (early regeneration)"
        for first, last, factor in sorted(windows)
    ]
    return (
        "z background: standard deviations above the patient's background, which begins as the donors' and learns from "
        f"clean samples{'; ' if raised else ''}{'; '.join(raised)}."
    )


def _newest_first(
    held: Iterable[T], *, on: Callable[[T], dt.date], assay: Callable[[T], str], titles: Mapping[str, str]
) -> list[T]:
    """Newest first; on one day in the order of the panels of the timeline."""
    order = {name: place for place, name in enumerate(titles)}
    return sorted(held, key=lambda one: (-on(one).toordinal(), order.get(assay(one), len(order))))


def _series_names(dossier: Dossier) -> dict[str, str]:
    """Marker of every assay; its platform and rearrangement too, where several assays measured one marker."""
    held = measured_assays(dossier)
    often = Counter(assay.target for assay in held)
    others = [assay for assay in dossier.assays if assay.assay_id not in {one.assay_id for one in held}]
    return {
        assay.assay_id: ", ".join(
            filter(None, (assay.target, *(_own(assay) if often[assay.target] > 1 else ())))
        )
        for assay in (*held, *others)
    }


def _own(assay: Assay) -> tuple[str, str]:
    return "digital PCR" if assay.platform == "dpcr" else "", assay.transcript or ""


def mrd_states(dossier: Dossier) -> Table:
    """State of every series of a leukaemia-specific marker, with rule, samples and what would change it.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row a sample, newest first.
    """
    columns = (
        Column("Date", number=True),
        Column("Marker"),
        Column("State"),
        Column("Rule"),
        Column("P step", number=True),
        Column("P rise ≥ 1 log", number=True),
        Column("Reason", share=2),
        Column("What would change it", share=1),
    )
    held = dossier.course.mrd if dossier.course else ()
    titles = _series_names(dossier)
    rows = tuple(
        (
            Cell(numbers.iso(p.drawn_on)),
            Cell(
                titles.get(p.assay_id, p.target),
                note=", ".join(filter(None, (words.MATERIAL.get(p.material, p.material), p.fraction))),
            ),
            Cell(
                p.state,
                note=", ".join(
                    filter(
                        None,
                        (p.confidence, f"confirm by {numbers.iso(p.confirm_by)}" if p.confirm_by else ""),
                    )
                ),
                tone=state_tone(p.state),
            ),
            Cell(
                f"{p.rule_label}, version {p.rule_version}",
                note=", ".join(
                    filter(None, (p.rule_id, "" if p.rule_status == "verified" else "unverified"))
                ),
            ),
            Cell(numbers.probability(p.probability_step)),
            Cell(changes.probability(p.probability_rise_1_log, p.change_lower, p.change_upper)),
            Cell(p.reason, note=f"Samples: {', '.join(p.samples)}" if p.samples else ""),
            Cell(p.would_change),
        )
        for p in sorted(held, key=lambda p: (p.drawn_on, p.target, p.material), reverse=True)
    )
    return Table(
        title="States of leukaemia-specific markers",
        note="The state is the rule set's on point values, as written. "
        + (
            "P step is the probability of at least the rule's step over the lowest level of the samples before. "
            if any(p.probability_step is not None for p in held)
            else ""
        )
        + "P rise ≥ 1 log is the probability of that change since the sample before. No probability changes a state.",
        columns=columns,
        rows=rows,
    )


def kinetics(dossier: Dossier) -> Table:
    """Growth of every series between changes of therapy, the last stretch first.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row a stretch that was fitted, and one for the last stretch of each series that was refused.
    """
    held = dossier.course.kinetics if dossier.course else ()
    doubling = math.log10(2.0) / kinetics_rules().median_slope_log10_per_day
    columns = (
        Column("From", number=True),
        Column("To", number=True),
        Column("Marker"),
        Column("log₁₀ a month", number=True),
        Column("Doubling or halving, days", number=True),
        Column("P rise", number=True),
        Column("Reason", share=1),
    )
    shown = [k for k in held if not k.refused or k.current]
    titles = _series_names(dossier)
    rows = tuple(
        (
            Cell(numbers.iso(k.from_on)),
            Cell(numbers.iso(k.to_on)),
            Cell(
                titles.get(k.assay_id, k.target),
                note=" ".join(filter(None, (words.MATERIAL.get(k.material, k.material), k.fraction))),
            ),
            Cell(numbers.signed(k.change_log10_per_month), note=changes.span(k.change_lower, k.change_upper)),
            Cell(*words.pace(k)),
            Cell(numbers.probability(k.probability_growth)),
            Cell(k.reason, tone="muted" if k.refused else ""),
        )
        for k in sorted(shown, key=lambda k: (k.to_on, k.target, k.material), reverse=True)
    )
    return Table(
        title="Growth",
        note="A line through all evaluable samples of a series between two changes of therapy: undetected samples take "
        "part by their likelihood, WT1 and BAALC stand on the donors' background. Intervals hold 95 %; where one sample "
        "alone lies above the background the steep end rests on the prior of the slope (half of all rises are steeper "
        f"than a doubling in {days_text(doubling)} days, half of all falls than a halving). A date of "
        "crossing is what this line would give if nothing changed; it is not a validated forecast.",
        columns=columns,
        rows=rows,
    )


def cautions(dossier: Dossier) -> Table:
    """What lowers trust without changing a state.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row a caution.
    """
    columns = (
        Column("What"),
        Column("Marker"),
        Column("Samples"),
        Column("Why", share=2),
        Column("What to do", share=1),
        Column("Source", share=1),
    )
    held = dossier.course.cautions if dossier.course else ()
    rows = tuple(
        (
            Cell(one.kind, tone="look", note="" if one.rule_status == "verified" else "unverified"),
            Cell(one.target or "all of the sample"),
            Cell(", ".join(one.samples)),
            Cell(one.reason),
            Cell(one.advice),
            Cell(one.source, note=one.rule_id),
        )
        for one in held
    )
    return Table(
        title="Cautions",
        note="Advisory: no number, verdict or state is changed by them.",
        columns=columns,
        rows=rows,
    )


def joint(dossier: Dossier) -> Table:
    """WT1 and BAALC together, over the one control gene they share, newest first.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row a sample; where an assay of the day measured both markers, one that measured a single marker
        has none.
    """
    columns = (
        Column("Date", number=True),
        Column("Material"),
        Column("Raised"),
        Column("By point values"),
        Column("P WT1", number=True),
        Column("P BAALC", number=True),
        Column("P both", number=True),
        Column("Reason", share=1),
    )
    judged = dossier.course.joint if dossier.course else ()
    days = {(j.drawn_on, j.material) for j in judged if j.probability_both is not None}
    held = [j for j in judged if j.probability_both is not None or (j.drawn_on, j.material) not in days]
    rows = tuple(
        (
            Cell(numbers.iso(j.drawn_on)),
            Cell(words.MATERIAL.get(j.material, j.material)),
            Cell(j.state, note="so is the next sample" if j.confirmed else ""),
            Cell(j.point_state),
            Cell(numbers.probability(j.probability_wt1)),
            Cell(numbers.probability(j.probability_baalc)),
            Cell(numbers.probability(j.probability_both)),
            Cell(j.reason),
        )
        for j in sorted(held, key=lambda j: j.drawn_on, reverse=True)
    )
    return Table(
        title="WT1 and BAALC together",
        columns=columns,
        rows=rows,
        note="Raised: above the cut-off and, where the rule asks for a distance from the background, above that level too. "
        "The higher of the two counts, and only a donors' cut-off is averaged over, so that P here may differ a little "
        "from P above. Undecided: no combination is probable enough; by point values stands beside it.",
    )


def alarms(dossier: Dossier) -> Table:
    """Confirmed rises and what became of them, newest first.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row an episode.
    """
    columns = (
        Column("First raised", number=True),
        Column("Confirmed", number=True),
        Column("Ended", number=True),
        Column("Markers"),
        Column("What became of it", share=1),
    )
    held = dossier.course.episodes if dossier.course else ()
    rows = tuple(
        (
            Cell(numbers.iso(e.first_raised_on)),
            Cell(numbers.iso(e.confirmed_on)),
            Cell(numbers.iso(e.ended_on)),
            Cell(" and ".join(e.markers)),
            Cell(e.outcome),
        )
        for e in sorted(held, key=lambda e: e.confirmed_on, reverse=True)
    )
    return Table(title="Confirmed rises", columns=columns, rows=rows)


def baselines(dossier: Dossier) -> Table:
    """Levels that count as background.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row a baseline.
    """
    columns = (
        Column("Series"),
        Column("From"),
        Column("Median", number=True),
        Column("SD, log₁₀", number=True),
        Column("97.5th percentile", number=True),
        Column("Samples", number=True),
        Column("Unit", share=1),
    )
    rows = tuple(
        (
            Cell(b.assay_id, note=words.MATERIAL.get(b.material, b.material)),
            Cell("healthy donors" if b.source == "donors" else "the patient's own samples"),
            Cell(numbers.number(b.median, unit=b.unit)),
            Cell(f"{b.sd_log10:.2f}"),
            Cell(
                "" if b.percentile_97_5 is None else numbers.number(b.percentile_97_5, unit=b.unit),
                note="" if b.percentile_97_5 is None else words.donors_limit(b),
            ),
            Cell(str(len(b.samples))),
            Cell(unit_label(b.unit)),
        )
        for b in dossier.baselines
    )
    return Table(title="Background", columns=columns, rows=rows)
