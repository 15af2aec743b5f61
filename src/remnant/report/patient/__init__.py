"""A patient's report: one page to read and one PDF to file, in the same order from the same tables.

Who and the sentence; the timeline; the same data as a table; why; where from. `page` and `pdf` are pure, so
that a process pool may write many; `figure` lets both share one drawing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Final

from remnant.records.dossier import Dossier
from remnant.report import draw, html, timeline, tree, typeset
from remnant.report.context import DISCLAIMER, Context, report_id
from remnant.report.patient import beside, data, origin, when, why
from remnant.report.patient.summary import head
from remnant.report.sentences import as_printed
from remnant.report.table import Section, plain

__all__ = ["Report", "page", "pdf", "report"]

_FIGURE_ID: Final = "timeline-description"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A patient's report in both forms.

    Attributes
    ----------
    patient_id : str
        Whose.
    page : str
        HTML.
    pdf : bytes or None
        PDF, if it was asked for.
    """

    patient_id: str
    page: str
    pdf: bytes | None


def report(dossier: Dossier, *, context: Context, with_pdf: bool = False) -> Report:
    """Page and, if asked, PDF of a patient around one drawing of the timeline.

    Parameters
    ----------
    dossier : Dossier
        One patient.
    context : Context
        What the report says about itself.
    with_pdf : bool, default False
        Whether to typeset the PDF too.

    Returns
    -------
    Report
        Both forms.
    """
    figure = timeline.svg(dossier)
    return Report(
        patient_id=dossier.patient.patient_id,
        page=page(dossier, context=context, figure=figure),
        pdf=pdf(dossier, context=context, figure=figure) if with_pdf else None,
    )


def page(dossier: Dossier, *, context: Context, figure: str | None = None) -> str:
    """Self-contained HTML page of a patient.

    Parameters
    ----------
    dossier : Dossier
        One patient, with or without a course.
    context : Context
        What the page says about itself.
    figure : str or None, default None
        Timeline from `remnant.report.timeline.svg`; drawn if None.

    Returns
    -------
    str
        HTML that needs no other file and no script; a script sorts tables where it may run.
    """
    svg = timeline.svg(dossier) if figure is None else figure
    return html.render(
        "patient.html",
        context=context,
        synthetic=dossier.patient.synthetic,
        report_id=report_id(dossier, context=context),
        head=head(dossier, asked=when.asked_for(dossier, context)),
        figure=draw.inline(svg, css_class="timeline", identity=_FIGURE_ID),
        sections=_sections(dossier, context, inline=True),
    )


def pdf(dossier: Dossier, *, context: Context, figure: str | None = None) -> bytes:
    """PDF of a patient on A4, tagged for screen readers.

    Parameters
    ----------
    dossier : Dossier
        One patient, with or without a course.
    context : Context
        What the report says about itself.
    figure : str or None, default None
        Timeline from `remnant.report.timeline.svg`; drawn if None.

    Returns
    -------
    bytes
        PDF file.
    """
    top = head(dossier, asked=when.asked_for(dossier, context))
    sections = [
        {
            "title": s.title,
            "tables": [plain(t) for t in s.tables],
            "figure": s.figure,
            "caption": as_printed(s.caption),
        }
        for s in _sections(dossier, context)
    ]
    synthetic = "Synthetic data. " if top.synthetic else ""
    values = {
        "title": f"{top.code}: {top.sentence}",
        "study": context.study,
        "software": context.software,
        "report_id": report_id(dossier, context=context),
        "report_version": str(context.report_version),
        "replaces": f", amended, replaces {context.replaces}" if context.replaces else "",
        "disclaimer": DISCLAIMER,
        "made": f"{synthetic}{context.software}, written {html.written(context)}.",
        "head": asdict(top),
        "alt": timeline.describe(dossier),
        "sections": sections,
    }
    svg = timeline.svg(dossier) if figure is None else figure
    return typeset.pdf("patient.typ", values, figure=svg, written_at=context.written_at)


def _sections(dossier: Dossier, context: Context, *, inline: bool = False) -> tuple[Section, ...]:
    trees = tree.section(dossier.sorted_samples)
    if inline:
        trees = tuple(
            replace(one, figure=draw.inline(one.figure, css_class="tree", identity=f"tree-{i}"))
            for i, one in enumerate(trees)
        )
    everything = (
        *trees,
        when.section(dossier, context),
        Section(
            title="The data of the timeline",
            tables=(*data.measurements(dossier), data.samples(dossier), data.events(dossier)),
        ),
        Section(
            title="Why",
            tables=(
                why.cautions(dossier),
                why.mrd_states(dossier),
                why.states(dossier),
                why.joint(dossier),
                why.kinetics(dossier),
                beside.discordance(dossier),
                beside.disagreements(dossier),
                beside.clones(dossier),
                why.alarms(dossier),
                why.verdicts(dossier),
                why.rules(dossier),
                why.baselines(dossier),
            ),
        ),
        Section(
            title="Where from",
            tables=(
                origin.findings(dossier),
                origin.decisions(dossier),
                origin.runs(dossier, links=context.run_links),
                origin.files(dossier),
            ),
        ),
    )
    return tuple(section for section in everything if any(table.rows for table in section.tables))
