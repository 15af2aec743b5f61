"""The data of the timeline as tables: measurements marker by marker, samples, events and therapies."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Final

from remnant.course.pooled import JOIN
from remnant.records.dossier import Dossier
from remnant.records.judgement import Call, SeriesPoint
from remnant.records.measurement import Baseline, Measurement
from remnant.records.mrd import MrdPoint
from remnant.records.run import Assay
from remnant.records.sample import Sample
from remnant.report import changes, numbers, words
from remnant.report.series import assay_title, level_label, measured_assays, state_points
from remnant.report.table import Cell, Column, Table, Tone
from remnant.report.timeline.axis import TimeFrame, frame

__all__ = ["deciding_call", "donors_of", "events", "measurements", "samples", "state_tone"]

_TONES: Final[dict[str, Tone]] = {
    "raised once": "look",
    "raised confirmed": "act",
    "persistently raised": "act",
    "detected, not quantifiable": "look",
    "positive": "look",
    "persistence": "look",
    "suspected relapse": "act",
    "confirmed relapse": "act",
    "progression": "act",
    "not evaluable": "muted",
}


def state_tone(state: str) -> Tone:
    """Emphasis of a state.

    Parameters
    ----------
    state : str
        State of a series.

    Returns
    -------
    {"", "look", "act", "muted"}
        None for a normal one.

    Examples
    --------
    >>> state_tone("raised once")
    'look'
    """
    return _TONES.get(state, "")


def deciding_call(
    dossier: Dossier, measurement: Measurement, point: SeriesPoint | MrdPoint | None
) -> Call | None:
    """The rule's verdict on a measurement that made its state.

    Parameters
    ----------
    dossier : Dossier
        One patient.
    measurement : Measurement
        What was judged.
    point : SeriesPoint, MrdPoint or None
        Its place in the course.

    Returns
    -------
    Call or None
        The call of the point's rule; the first one where there is no course; None without any.
    """
    held = [call for call in dossier.calls if call.measurement_id == measurement.measurement_id]
    named = [call for call in held if point is not None and call.rule_id == point.rule_id]
    return next(iter(named or held), None)


def donors_of(dossier: Dossier, call: Call, measurement: Measurement) -> Baseline | None:
    """Healthy donors whose percentile is the cut-off of a call.

    Parameters
    ----------
    dossier : Dossier
        One patient.
    call : Call
        One rule applied.
    measurement : Measurement
        What it was applied to.

    Returns
    -------
    Baseline or None
        None for a cut-off that does not come from donors.
    """
    m = measurement
    return next(
        (
            b
            for b in dossier.baselines
            if b.source == "donors"
            and (b.assay_id, b.material, b.fraction, b.unit)
            == (m.assay_id, m.material, m.fraction, call.unit)
            and b.percentile_97_5 is not None
            and math.isclose(b.percentile_97_5, call.threshold, rel_tol=1e-9)
        ),
        None,
    )


def measurements(dossier: Dossier) -> tuple[Table, ...]:
    """One table a marker, newest first.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    tuple of Table
        In the order of the assays.
    """
    return tuple(_of_assay(dossier, assay) for assay in measured_assays(dossier))


def _of_assay(dossier: Dossier, assay: Assay) -> Table:
    held = [m for m in dossier.measurements if m.assay_id == assay.assay_id]
    points = {key: p for p in state_points(dossier) for key in p.measurement_id.split(JOIN)}
    unit = level_label(held[0].unit, control=held[0].control)
    judged = {
        m.measurement_id: call
        for m in held
        if (call := deciding_call(dossier, m, points.get(m.measurement_id))) is not None
    }
    donors = {
        m.measurement_id: _donors_text(
            judged[m.measurement_id], donors_of(dossier, judged[m.measurement_id], m)
        )
        for m in held
        if m.measurement_id in judged
    }
    said = _of_materials(held, donors)
    pooled = any(JOIN in p.measurement_id for p in points.values() if p.assay_id == assay.assay_id)
    rows = [
        _row(
            dossier,
            m,
            points.get(m.measurement_id),
            call=judged.get(m.measurement_id),
            donors="" if said else donors.get(m.measurement_id, ""),
        )
        for m in sorted(held, key=lambda m: (m.drawn_on, m.material), reverse=True)
    ]
    time = frame(dossier)
    columns = (
        Column("Date", number=True),
        *_day_column(time),
        Column("Material"),
        Column(f"Value (95 % interval), {unit}", number=True),
        Column("Detection", share=3),
        Column("Change, log₁₀", number=True),
        Column("State"),
        Column("Verdict", share=3),
    )
    return Table(
        title=assay_title(assay, held[0].unit),
        note="Newest first. The second line of a value is the interval for comparison with another sample. Change is from "
        "the evaluable sample before it in the same series."
        + (" Pooled: the measurements of one day are judged together." if pooled else "")
        + (f" Donors' cut-off: {said}." if said else ""),
        columns=columns,
        rows=tuple(rows),
    )


def _of_materials(held: Sequence[Measurement], donors: Mapping[str, str]) -> str:
    """How well the donors know their cut-off, once for all rows, by material; empty where rows of one material differ."""
    found = {(words.place(m), text) for m in held if (text := donors.get(m.measurement_id, ""))}
    if not found or len({place for place, _ in found}) < len(found):
        return ""
    texts = {text for _, text in found}
    if len(texts) == 1:
        return next(iter(texts))
    parts = [(place, *text.partition(": ")) for place, text in sorted(found, reverse=True)]
    if len({how for _, how, _, _ in parts}) > 1:
        return ""
    return f"{parts[0][1]}: " + "; ".join(f"{place} {who}" for place, _, _, who in parts)


def _row(
    dossier: Dossier,
    m: Measurement,
    point: SeriesPoint | MrdPoint | None,
    *,
    call: Call | None,
    donors: str,
) -> tuple[Cell, ...]:
    time = frame(dossier)
    value, opened, ends = numbers.measured(m).partition(" (interval ")
    compared = numbers.comparison(m)
    notes = (f"interval {ends.removesuffix(')')}" if opened else "", compared and f"comparison {compared}")
    state = point.state if point else ""
    level = next((y for y in (m.estimate, m.upper_limit, m.lower) if y is not None), None)
    return (
        Cell(numbers.iso(m.drawn_on)),
        *_day(time, m.drawn_on),
        Cell(words.MATERIAL[m.material], note=f"{m.fraction}, sorted" if m.fraction else ""),
        Cell(value, note="\n".join(note for note in notes if note), sort=f"{level or 0:.6e}"),
        Cell(f"{words.state_symbol(m.state)} {m.state}", note=m.reason),
        _change(point),
        Cell(state, tone=state_tone(state), note=_since(point)),
        _verdict(call, donors),
    )


def _day_column(time: TimeFrame | None) -> tuple[Column, ...]:
    """Head of the days from transplantation; none where nobody was transplanted."""
    return (Column("Day", number=True),) if time is not None and time.transplanted else ()


def _day(time: TimeFrame | None, on: dt.date) -> tuple[Cell, ...]:
    if time is None or not time.transplanted:
        return ()
    day = time.day(on)
    return (Cell(numbers.day(day), sort=str(day)),)


def _change(point: SeriesPoint | MrdPoint | None) -> Cell:
    if point is None:
        return Cell("")
    ends = point.change_log10, point.change_lower, point.change_upper
    known = next((value for value in ends if value is not None), None)
    if known is None:
        return Cell("")
    return Cell(
        changes.change(*ends),
        note=changes.span(point.change_lower, point.change_upper),
        sort=f"{known:.4f}",
    )


def _since(point: SeriesPoint | MrdPoint | None) -> str:
    if point is None:
        return ""
    notes = ["pooled"] if JOIN in point.measurement_id else []
    if point.confirm_by is not None:
        notes.append(f"confirm by {numbers.iso(point.confirm_by)}")
    elif point.since is not None and point.since != point.drawn_on:
        notes.append(f"since {numbers.iso(point.since)}")
    return ", ".join(notes)


def _donors_text(call: Call, donors: Baseline | None) -> str:
    """How well the donors know the cut-off of a call; empty where it is not theirs."""
    if donors is None or call.rule_set or call.verdict == "not evaluable":
        return ""
    held = (
        "P holds the cut-off's own uncertainty" if call.threshold_sd_log10 else "cut-off taken as it stands"
    )
    return f"{held}: {words.donors_limit(donors)}"


def _verdict(call: Call | None, donors: str) -> Cell:
    if call is None:
        return Cell("no rule")
    doubt = "" if call.status == "verified" else ", unverified"
    rule = f"{words.rule_label(call)}{doubt}"
    if call.verdict == "not evaluable":
        return Cell("not evaluable", note=rule, tone="muted")
    probability = numbers.probability(call.probability_above, name="P")
    if call.rule_set:
        return Cell(
            call.verdict, note=", ".join(part for part in (probability, call.confidence, rule) if part)
        )
    return Cell(
        f"{call.verdict} {numbers.level(call.threshold)}",
        note=", ".join(part for part in (probability, call.confidence, rule, donors) if part),
    )


def samples(dossier: Dossier) -> Table:
    """Samples with blasts and chimerism, newest first.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row a sample.
    """
    columns = (
        Column("Drawn", number=True),
        Column("Received", number=True),
        Column("Sample"),
        Column("Material"),
        Column("Reason", share=1),
        Column("Blasts, %", number=True),
        Column("Donor whole, %", number=True),
        Column("CD3+, %", number=True),
        Column("CD34+, %", number=True),
    )
    rows, measured = [], []
    for s in sorted(dossier.samples, key=lambda s: s.drawn_on, reverse=True):
        percents = (
            s.blast_percent,
            s.chimerism_whole_percent,
            s.chimerism_cd3_percent,
            s.chimerism_cd34_percent,
        )
        measured.append([value is not None for value in percents])
        rows.append(
            (
                Cell(numbers.iso(s.drawn_on)),
                Cell(numbers.iso(s.received_on)),
                Cell(s.sample_id, note=s.quality or ""),
                Cell(words.MATERIAL[s.material]),
                Cell(s.reason.replace("_", " ")),
                *(Cell("" if value is None else numbers.percent(value)) for value in percents),
            )
        )
    gaps = any(any(column) and not all(column) for column in zip(*measured, strict=True))
    what = _said(
        ("blasts", any(s.blast_percent is not None for s in dossier.samples)),
        ("donor chimerism", any(_chimerism(s) for s in dossier.samples)),
    )
    return Table(
        title=f"Samples{what}",
        columns=columns,
        rows=tuple(rows),
        note="An empty cell: not measured, which is not 0." if gaps else "",
    )


def _chimerism(s: Sample) -> bool:
    """Whether any donor chimerism was measured."""
    held = (s.chimerism_whole_percent, s.chimerism_cd3_percent, s.chimerism_cd34_percent)
    return any(value is not None for value in held)


def _said(*parts: tuple[str, bool]) -> str:
    """What a title names besides its first word: only what was measured."""
    held = [name for name, measured in parts if measured]
    return "" if not held else f" and {held[0]}" if len(held) == 1 else f", {' and '.join(held)}"


def events(dossier: Dossier) -> Table:
    """Events and therapies by date.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row an event or therapy.
    """
    time = frame(dossier)
    rows: list[tuple[dt.date, dt.date | None, str, str, str]] = [
        (e.on, None, words.event_label(e), "", "event") for e in dossier.events
    ]
    rows += [
        (
            t.start_on,
            t.end_on,
            words.therapy_label(t),
            f"against {t.target_antigen}" if t.target_antigen else "",
            "therapy",
        )
        for t in dossier.therapies
    ]
    cells = tuple(
        (
            Cell(numbers.iso(start)),
            Cell(numbers.iso(end)),
            *_day(time, start),
            Cell(label, note=note),
            Cell(kind),
        )
        for start, end, label, note, kind in sorted(rows, key=lambda row: row[0])
    )
    columns = (
        Column("From", number=True),
        Column("To", number=True),
        *_day_column(time),
        Column("What", share=1),
        Column("Kind"),
    )
    return Table(title="Events and therapies", columns=columns, rows=cells)
