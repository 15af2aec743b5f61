"""Cohort results as printed tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from remnant.knowledge.cohort import least_patients_for_curve
from remnant.records.cohort import (
    Association,
    CompartmentShare,
    Effect,
    Exclusion,
    Frequency,
    Incidence,
    IncidenceAt,
    IncidenceCurve,
    LeadTimes,
    MrdLeadTimes,
    TestResult,
)
from remnant.report import numbers, words
from remnant.report.table import Cell, Column, Table

__all__ = [
    "association",
    "compartment_shares",
    "effects",
    "excluded",
    "frequencies",
    "incidence",
    "lead_times",
    "left_out",
    "mrd_lead_times",
    "not_drawn",
    "tests",
]

_HUNDRED_YEARS: Final = 100.0
_LEAD_TITLE: Final = "Warning before overt relapse: WT1 and BAALC"


def frequencies(held: Sequence[Frequency]) -> Table:
    """Shares with three intervals.

    Parameters
    ----------
    held : sequence of Frequency
        One outcome and one variable.

    Returns
    -------
    Table
        One row a group and subgroup.
    """
    columns = (
        Column("Group"),
        Column("Subgroup", share=1),
        Column("With", number=True),
        Column("Evaluable", number=True),
        Column("Not evaluable", number=True),
        Column("Share (Clopper-Pearson)", number=True),
        Column("Wilson", number=True),
        Column("Jeffreys", number=True),
    )
    rows = tuple(
        (
            Cell(f.group),
            Cell(f.subgroup),
            Cell(str(f.positive)),
            Cell(str(f.evaluable)),
            Cell(str(f.not_evaluable)),
            Cell(_share(f.lower, f.share, f.upper), sort=str(f.share or 0)),
            Cell(_bounds(f.wilson_lower, f.wilson_upper)),
            Cell(_bounds(f.jeffreys_lower, f.jeffreys_upper)),
        )
        for f in held
    )
    return Table(title=_frequency_title(held), columns=columns, rows=rows)


def compartment_shares(held: Sequence[CompartmentShare]) -> Table:
    """In how many patients compartments were shown to carry the lesion.

    Parameters
    ----------
    held : sequence of CompartmentShare
        Questions by group.

    Returns
    -------
    Table
        One row a question and group.
    """
    columns = (
        Column("Question", share=1),
        Column(words.column(held[0].variable).capitalize() if held else "Group"),
        Column("Judged", number=True),
        Column("Yes", number=True),
        Column("No", number=True),
        Column("Not known", number=True),
        Column("Shown, of all judged (Clopper-Pearson)", number=True),
    )
    rows = tuple(
        (
            Cell(words.column(one.question).replace("lesion", "Lesion", 1)),
            Cell(one.group),
            *(Cell(str(n)) for n in (one.judged, one.yes, one.no, one.unknown)),
            Cell(_share(one.lower, one.yes / one.judged, one.upper), sort=str(one.yes / one.judged)),
        )
        for one in held
    )
    note = (
        "Not known: nothing outside the B lineage (no stem cell) is positive, and not every gate that could refute it is "
        "negative. The share is that of patients in whom it was shown, of all judged; those not known can only raise it."
    )
    return Table(
        title="Which compartments carry the lesion at diagnosis", columns=columns, rows=rows, note=note
    )


def not_drawn(
    incidences: Sequence[Incidence], frequencies: Sequence[Sequence[Frequency]], lead: LeadTimes | None
) -> Table:
    """What a page of this kind could show and this cohort has no data for: said once, not drawn as zeros.

    Parameters
    ----------
    incidences : sequence of Incidence
        Those without a curve count.
    frequencies : sequence of sequence of Frequency
        Those in which nobody was evaluable count.
    lead : LeadTimes or None
        Counts if nobody was followed.

    Returns
    -------
    Table
        One row each, with the reason; without rows if everything can be shown.
    """
    pairs = [
        (
            f"Cumulative incidence of relapse. {made.title}",
            _nobody(made.excluded),
        )
        for made in incidences
        if not made.curves
    ]
    pairs += [
        (
            _frequency_title(held),
            f"not measured or not evaluable in {numbers.plural(_patients(held), 'patient')}",
        )
        for held in frequencies
        if held and not any(one.evaluable for one in held)
    ]
    if lead is not None and not lead.patients:
        pairs.append((_LEAD_TITLE, "nobody was followed from a transplantation by WT1 or BAALC"))
    rows = tuple((Cell(what), Cell(f"{why}.")) for what, why in pairs)
    return Table(
        title="What and why not", columns=(Column("What", share=1), Column("Why", share=2)), rows=rows
    )


def _nobody(held: Sequence[Exclusion]) -> str:
    """Why nobody is at risk: names only where the reasons differ."""
    if len(held) == 1:
        return f"{held[0].reason}, all {numbers.plural(len(held[0].patient_ids), 'patient')}"
    return "; ".join(f"{e.reason}: {', '.join(e.patient_ids)}" for e in held) or "no patients"


def _patients(held: Sequence[Frequency]) -> int:
    """Patients of the widest group: all of all, where it is there."""
    return max(one.evaluable + one.not_evaluable for one in held)


def _frequency_title(held: Sequence[Frequency]) -> str:
    if not held:
        return "Frequencies"
    return f"{words.column(held[0].outcome)}, by {words.column(held[0].variable)}"


def incidence(made: Incidence) -> Table:
    """Incidence with the numbers at risk on the days of the table.

    Parameters
    ----------
    made : Incidence
        All curves.

    Returns
    -------
    Table
        One row a group and cause.
    """
    days = [at.day for at in made.curves[0].on_days if at.day > made.start_day] if made.curves else []
    columns = (
        Column("Cause"),
        Column("Group", share=1),
        Column("Patients", number=True),
        Column("Events", number=True),
        Column("Competing", number=True),
        Column("Censored", number=True),
        *(Column(f"Day +{day:.0f}", number=True) for day in days),
    )
    rows = tuple(
        (
            Cell(curve.cause),
            Cell(curve.group, note=_aside(curve)),
            Cell(str(curve.patients)),
            Cell(str(curve.events)),
            Cell(str(curve.competing_events)),
            Cell(str(curve.censored)),
            *(_on_day(at) for at in curve.on_days if at.day > made.start_day),
        )
        for curve in made.curves
    )
    return Table(title=f"Cumulative incidence. {made.title}", note=made.method, columns=columns, rows=rows)


def tests(held: Sequence[TestResult], *, title: str) -> Table:
    """Tests by their full names.

    Parameters
    ----------
    held : sequence of TestResult
        In the order they are to be read.
    title : str
        Caption.

    Returns
    -------
    Table
        One row a test.
    """
    columns = (
        Column("Test"),
        Column("Sides"),
        Column("Alternative", share=2),
        Column("Fixed margins"),
        Column("Statistic", number=True),
        Column("P", number=True),
        Column("Note", share=1),
    )
    rows = tuple(
        (
            Cell(test.name),
            Cell(test.sidedness),
            Cell(test.alternative),
            Cell(test.margins),
            Cell("") if test.statistic is None else Cell(f"{test.statistic:.2f}", note=test.statistic_name),
            Cell(
                "none"
                if test.p_value is None
                else numbers.p_value(test.p_value).removeprefix("P ").removeprefix("= "),
                sort="" if test.p_value is None else str(test.p_value),
            ),
            Cell(test.note),
        )
        for test in held
    )
    return Table(title=title, columns=columns, rows=rows)


def association(made: Association) -> Table:
    """Counts of a table.

    Parameters
    ----------
    made : Association
        Counts with tests.

    Returns
    -------
    Table
        The counts as they stand.
    """
    columns = (
        Column(words.column(made.row_variable), share=1),
        *(Column(_outcome(made.column_variable, name), number=True) for name in made.columns),
        Column("Share of the first", number=True),
    )
    shares = {share.group: share for share in made.shares}
    rows = tuple(
        (
            Cell(_answer(made.row_variable, name)),
            *(Cell(str(n)) for n in counts),
            Cell(_share(s.lower, s.share, s.upper) if (s := shares.get(name)) else ""),
        )
        for name, counts in zip(made.rows, made.counts, strict=True)
    )
    return Table(
        title=f"{words.column(made.row_variable)} and {words.column(made.column_variable)}",
        note=made.direction,
        columns=columns,
        rows=rows,
    )


def _answer(variable: str, name: str) -> str:
    """Level of a variable; yes and no where it is one of true and false."""
    return {variable: "yes", f"not {variable}": "no"}.get(name, name)


def _outcome(variable: str, name: str) -> str:
    """Head of a column of counts: the level, and of what where it is yes or no."""
    answer = _answer(variable, name)
    return name if answer == name else f"{words.column(variable)}: {answer}"


def left_out(made: Association) -> Table:
    """Patients who are in no cell of a table: how many, what is not known of them, and what that may hide.

    Parameters
    ----------
    made : Association
        Counts with tests.

    Returns
    -------
    Table
        One row a kind of missing value; without rows where nobody was left out.
    """
    inside = sum(map(sum, made.counts))
    said = [f"{made.left_out} of {inside + made.left_out} patients are in no cell of the table."]
    said += [
        f"{words.column(name)} not known: {why}."
        for name in (made.row_variable, made.column_variable)
        if (why := words.not_known(name))
    ]
    if made.bounds:
        bounds = made.bounds
        low, high = (
            numbers.p_value(p).removeprefix("P ").removeprefix("= ")
            for p in (bounds.lowest_p, bounds.highest_p)
        )
        said.append(
            f"{sum(bounds.undecided)} of them are of known {words.column(made.row_variable)}: by what they might be, P of "
            f'"{bounds.test}" lies between {low} and {high}.'
        )
    return Table(
        title=f"Left out: {words.column(made.row_variable)} or {words.column(made.column_variable)} not known or not counted",
        note=" ".join(one[:1].upper() + one[1:] for one in said),
        columns=(
            Column(words.column(made.row_variable)),
            Column(words.column(made.column_variable), share=1),
            Column("Patients", number=True),
        ),
        rows=tuple(
            (
                Cell(_answer(made.row_variable, one.row)),
                Cell(_answer(made.column_variable, one.column)),
                Cell(str(one.patients)),
            )
            for one in made.left_out_by
        ),
    )


def effects(held: Sequence[Effect], *, title: str) -> Table:
    """Effect sizes.

    Parameters
    ----------
    held : sequence of Effect
        In the order they are to be read.
    title : str
        Caption.

    Returns
    -------
    Table
        One row an effect.
    """
    columns = (
        Column("Effect"),
        Column("Method", share=1),
        Column("Estimate", number=True),
        Column("Interval", number=True),
        Column("Level", number=True),
    )
    rows = tuple(
        (
            Cell(effect.measure),
            Cell(effect.method),
            Cell(_real(effect.estimate)),
            Cell(
                ""
                if effect.lower is None or effect.upper is None
                else f"{_real(effect.lower)} to {_real(effect.upper)}"
            ),
            Cell(f"{100 * effect.level:.0f} %"),
        )
        for effect in held
    )
    return Table(title=title, columns=columns, rows=rows)


def lead_times(made: LeadTimes) -> Table:
    """Warnings, relapses without warning, false alarms.

    Parameters
    ----------
    made : LeadTimes
        Counted over courses.

    Returns
    -------
    Table
        One row a figure.
    """
    level = f"{100 * made.level:.0f} %"
    lead, rate = _lead(made), _rate(made)
    unwarned = _share(made.unwarned_lower, made.unwarned_share, made.unwarned_upper)
    pairs = (
        (
            "Patients followed from transplantation",
            str(made.patients),
            f"{made.patient_years:.1f} patient-years",
        ),
        ("Overt relapses", str(made.relapses), ""),
        ("Warned: a confirmed rise came before", str(made.warned), f"median lead time (range): {lead}"),
        ("Without warning", str(made.unwarned), f"{unwarned}, {level} Clopper-Pearson" if unwarned else ""),
        *_unwarned(made),
        (
            "False alarms",
            str(made.false_alarms),
            f"{rate} per 100 patient-years, {level} exact Poisson" if rate else "",
        ),
        ("Alarms that regressed after pre-emptive therapy", str(made.alarms_after_therapy), ""),
        ("Alarms still standing at the end", str(made.open_alarms), ""),
    )
    columns = (Column("What"), Column("Number", number=True), Column("Figure", share=1))
    rows = tuple((Cell(what), Cell(number), Cell(figure)) for what, number, figure in pairs)
    return Table(title=_LEAD_TITLE, columns=columns, rows=rows)


def mrd_lead_times(held: Sequence[MrdLeadTimes]) -> Table:
    """Warnings of leukaemia-specific markers, each assay apart.

    Parameters
    ----------
    held : sequence of MrdLeadTimes
        Two an assay: confirmed alarms, and all.

    Returns
    -------
    Table
        One row each.
    """
    columns = (
        Column("Marker and assay", share=1),
        Column("Alarm: molecular relapse"),
        Column("Patients", number=True),
        Column("Patient-years", number=True),
        Column("Overt relapses", number=True),
        Column("Warned", number=True),
        Column("Median lead time (range)", number=True),
        Column("Without warning", share=1),
        Column("False alarms", number=True),
        Column("Per 100 patient-years", number=True),
        Column("Open", number=True),
    )
    rows = tuple(
        (
            Cell(one.assay_id if one.target in one.assay_id else f"{one.target} {one.assay_id}"),
            Cell(one.sign),
            Cell(str(one.made.patients)),
            Cell(f"{one.made.patient_years:.1f}"),
            Cell(str(one.made.relapses)),
            Cell(str(one.made.warned)),
            Cell(_lead(one.made)),
            Cell(_apart(one.made)),
            Cell(str(one.made.false_alarms)),
            Cell(_rate(one.made)),
            Cell(str(one.made.open_alarms)),
        )
        for one in held
    )
    note = (
        "Patients in whom the assay was evaluable, followed from transplantation, or from the first remission without "
        "one. A confirmed relapse is dated by the confirming sample; suspected or confirmed, by the first sign. "
        "Samples from overt relapse on, or drawn because it was suspected, do not count."
    )
    return Table(
        title="Warning before overt relapse: leukaemia-specific markers",
        columns=columns,
        rows=rows,
        note=note,
    )


def _lead(made: LeadTimes) -> str:
    if made.median_days is None:
        return "none"
    return f"{made.median_days:.0f} days ({made.shortest_days:.0f}-{made.longest_days:.0f})"


def _rate(made: LeadTimes) -> str:
    if made.false_alarms_per_patient_year is None:
        return ""
    rate, lower, upper = (
        "0" if not value else numbers.number(_HUNDRED_YEARS * value, 2, unit="percent")
        for value in (made.false_alarms_per_patient_year, made.rate_lower, made.rate_upper)
    )
    return f"{rate} ({lower}-{upper})"


def _apart(made: LeadTimes) -> str:
    """Number without warning, and apart why."""
    reasons = (
        ("no sign", made.unwarned_nothing_raised),
        ("unconfirmed", made.unwarned_unconfirmed),
        ("alarm had ended", made.unwarned_ended),
        ("no sample", made.unwarned_no_sample),
    )
    words_ = ", ".join(f"{n} {why}" for why, n in reasons if n)
    return f"{made.unwarned}: {words_}" if words_ else str(made.unwarned)


def _unwarned(made: LeadTimes) -> tuple[tuple[str, str, str], ...]:
    """Relapses without warning, apart by what had been seen."""
    if not made.unwarned:
        return ()
    apart = (
        ("nothing raised", made.unwarned_nothing_raised, "evaluable samples, none of them raised"),
        ("raised, unconfirmed", made.unwarned_unconfirmed, "raised, and no later sample confirmed it"),
        ("alarm had ended", made.unwarned_ended, "a confirmed rise was normal again before relapse"),
        ("no sample in time", made.unwarned_no_sample, "none evaluable from transplantation to relapse"),
    )
    return tuple((f"Without warning: {what}", str(n), how) for what, n, how in apart)


def excluded(made: Incidence) -> Table:
    """Patients who do not enter the curves, by reason.

    Parameters
    ----------
    made : Incidence
        Curves with their exclusions.

    Returns
    -------
    Table
        One row a reason.
    """
    columns = (Column("Reason"), Column("Patients", number=True), Column("Who", share=1))
    rows = tuple(
        (Cell(e.reason), Cell(str(len(e.patient_ids))), Cell(", ".join(e.patient_ids))) for e in made.excluded
    )
    return Table(title="Not at risk", columns=columns, rows=rows)


def _aside(curve: IncidenceCurve) -> str:
    notes = [
        "" if curve.in_test else "outside the tests",
        "too few for a curve" if curve.patients < least_patients_for_curve() else "",
    ]
    return ", ".join(note for note in notes if note)


def _on_day(at: IncidenceAt) -> Cell:
    return Cell(
        _share(at.lower, at.incidence, at.upper) or "beyond follow-up",
        note=f"{at.at_risk} at risk" + (", no interval" if at.incidence and at.lower is None else ""),
        sort=str(at.incidence or 0),
    )


def _share(lower: float | None, estimate: float | None, upper: float | None) -> str:
    if estimate is None:
        return ""
    if lower is None or upper is None:
        return f"{100 * estimate:.0f} %"
    return numbers.share(lower, estimate, upper)


def _bounds(lower: float | None, upper: float | None) -> str:
    return "" if lower is None or upper is None else f"{100 * lower:.0f}-{100 * upper:.0f} %"


def _real(value: float | None) -> str:
    if value is None:
        return "not defined"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinite"
    return f"{value:.3g}".replace("-", numbers.MINUS)
