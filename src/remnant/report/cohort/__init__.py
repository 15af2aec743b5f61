"""The cohort's page: cumulative incidence, frequencies, warnings, associations, each with its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from remnant.records.cohort import (
    Association,
    CompartmentShare,
    Frequency,
    Incidence,
    LeadTimes,
    MrdLeadTimes,
)
from remnant.report import draw, html
from remnant.report.cohort import frequency, incidence, tables
from remnant.report.context import Context
from remnant.report.table import Section

__all__ = ["page"]


def page(
    curves: Sequence[Incidence],
    frequencies: Sequence[Sequence[Frequency]],
    *,
    context: Context,
    lead_times: LeadTimes | None = None,
    mrd_lead_times: Sequence[MrdLeadTimes] = (),
    associations: Sequence[Association] = (),
    compartments: Sequence[CompartmentShare] = (),
    synthetic: bool = False,
) -> str:
    """Self-contained HTML page of a cohort.

    Parameters
    ----------
    curves : sequence of Incidence
        Each is drawn for relapse and tabulated for relapse and death.
    frequencies : sequence of sequence of Frequency
        One outcome and variable each.
    context : Context
        What the page says about itself.
    lead_times : LeadTimes or None, default None
        Warnings of WT1 and BAALC over patients.
    mrd_lead_times : sequence of MrdLeadTimes, default ()
        Warnings of leukaemia-specific markers, each assay apart.
    associations : sequence of Association, default ()
        Tables of counts with every test of them.
    compartments : sequence of CompartmentShare, default ()
        Which compartments carry the lesion; they come first where sorted fractions were judged.
    synthetic : bool, default False
        Whether the patients are made up.

    Returns
    -------
    str
        HTML that needs no other file.
    """
    sections = []
    if compartments:
        table = tables.compartment_shares(compartments)
        sections.append(
            Section(
                title=table.title,
                caption=table.note,
                tables=(replace(table, title="Patients by answer", note=""),),
            )
        )
    sections += [_incidence_section(made, place) for place, made in enumerate(curves) if made.curves]
    sections += [
        _frequency_section(held, place)
        for place, held in enumerate(frequencies)
        if any(one.evaluable for one in held)
    ]
    if lead_times is not None and lead_times.patients:
        table = tables.lead_times(lead_times)
        sections.append(Section(title=table.title, tables=(replace(table, title="Counted over patients"),)))
    if mrd_lead_times:
        table = tables.mrd_lead_times(mrd_lead_times)
        sections.append(
            Section(
                title=table.title,
                caption=table.note,
                tables=(replace(table, title="Each assay apart", note=""),),
            )
        )
    sections += [_association_section(made) for made in associations]
    missing = tables.not_drawn(curves, frequencies, lead_times)
    if missing.rows:
        sections.append(Section(title="Not drawn: nothing to count", tables=(missing,)))
    return html.render(
        "sections.html", context=context, synthetic=synthetic, heading="cohort", sections=sections
    )


def _incidence_section(made: Incidence, place: int) -> Section:
    return Section(
        title=f"Cumulative incidence of relapse, death competing. {made.title}",
        figure=draw.inline(incidence.svg(made), css_class="incidence", identity=f"incidence-{place}"),
        caption=incidence.caption(made),
        tables=(
            replace(tables.incidence(made), title="Incidence on set days", note=""),
            tables.tests(made.tests, title="Comparison of the groups"),
            tables.excluded(made),
        ),
    )


def _frequency_section(held: Sequence[Frequency], place: int) -> Section:
    table = tables.frequencies(held)
    return Section(
        title=table.title,
        figure=draw.inline(frequency.svg(held), css_class="frequency", identity=f"frequency-{place}"),
        caption=frequency.caption(held),
        tables=(replace(table, title="Shares and intervals"),),
    )


def _association_section(made: Association) -> Section:
    counts = tables.association(made)
    return Section(
        title=counts.title,
        caption="No test is marked as the right one: choose it before looking.",
        tables=(
            replace(counts, title="Counts"),
            replace(tables.left_out(made), title="Left out"),
            tables.effects(made.effects, title="Effect sizes"),
            tables.tests(made.tests, title="Tests of this table"),
        ),
    )
