"""The page of one tube: statement first, then the gate tree, the plots, and what each cut decides."""

from __future__ import annotations

from collections.abc import Sequence

from remnant.knowledge.gates import gate_definitions
from remnant.knowledge.spelling import spelt
from remnant.records.antigen_loss import AntigenLoss
from remnant.records.finding import Finding
from remnant.records.flow import CutSensitivity, GateCount, MarkerCut, MrdStatement, Tube
from remnant.report import draw, html
from remnant.report.context import Context
from remnant.report.flow import plot, tree
from remnant.report.sentences import as_printed
from remnant.report.table import Cell, Column, Section, Table

__all__ = ["findings_table", "loss_table", "page", "sensitivity_table", "statement_table"]

_PERCENT_FROM = 1e-3
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _share(value: float | None) -> str:
    """A share of cells: two digits times a power of ten, percent from a thousandth on."""
    if value is None:
        return ""
    if value >= _PERCENT_FROM:
        return f"{100 * value:.2g} %"
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits} × 10{str(int(power)).translate(_SUPERSCRIPTS)}"


def _between(lower: float | None, upper: float) -> str:
    """An interval of shares, both ends in the unit of the upper one."""
    if lower is None:
        return f"< {_share(upper)}"
    if upper >= _PERCENT_FROM:
        return f"{100 * lower:.2g} to {100 * upper:.2g} %"
    return f"{_share(lower) if lower > 0.0 else '0'} to {_share(upper)}"


def _sentence(said: MrdStatement) -> str:
    level = f"{100 * said.interval_level:g} %"
    if said.estimate is None:
        end = f"< {_share(said.upper)} of {said.denominator_name} ({level})"
    else:
        end = (
            f"{_share(said.estimate)} of {said.denominator_name} above background "
            f"({level} interval {_between(said.lower, said.upper)})"
        )
    allowed = (
        f" May be called negative by the rules for {', '.join(said.negative_allowed)}."
        if said.negative_allowed
        else ""
    )
    return f"{said.gate}: {said.state}, {end}. {said.reason}.{allowed}".replace(" .", "")


def _whole(said: MrdStatement) -> str:
    dim = ", cells of the gate with dim CD45 among them"
    return f"{said.denominator_name}{dim if said.denominator_name == 'CD45+' else ''}"


def statement_table(said: MrdStatement) -> Table:
    """The statement line by line.

    Parameters
    ----------
    said : MrdStatement
        Statement.

    Returns
    -------
    Table
        What, value, basis.
    """
    rows = [
        (Cell("Events in the gate"), Cell(f"{said.k:,}"), Cell(said.gate)),
        (Cell("Denominator"), Cell(f"{said.n:,}"), Cell(_whole(said))),
        (
            Cell("Background"),
            Cell(_share(said.background) if said.background else "0"),
            Cell(said.background_basis),
        ),
        (
            Cell("Limit of blank", note="background among it"),
            Cell(_share(said.limit_of_blank) if said.limit_of_blank_events else "0"),
            Cell(f"{said.limit_of_blank_events:,} events among {said.n:,}"),
        ),
        (
            Cell("Limit of detection", note="above background"),
            Cell(_share(said.limit_of_detection)),
            Cell(said.limit_of_detection_basis),
        ),
        (
            Cell("Limit of quantification", note="above background"),
            Cell(_share(said.limit_of_quantification)),
            Cell(said.limit_of_quantification_basis),
        ),
        (
            Cell(f"Interval, {100 * said.interval_level:g} %"),
            Cell(_between(said.lower, said.upper)),
            Cell(f"{said.interval_basis}, share above background"),
        ),
        (
            Cell("Haemodilution"),
            Cell(said.haemodilution, tone="look" if said.haemodilution == "suspected" else ""),
            Cell(said.haemodilution_basis),
        ),
    ]
    rows += [
        (
            Cell(f"Cells by {spelt(one.rule_id)}", note=one.status),
            Cell("enough" if one.met else "too few", tone="" if one.met else "look"),
            Cell(f"{one.found:,} {one.what} of {one.needed:,}", note=one.source),
        )
        for one in said.sufficiency
    ]
    columns = (Column("What"), Column("Value", number=True), Column("Basis", share=1))
    return Table(title="Counts and limits", columns=columns, rows=tuple(rows))


def _loss_sentence(loss: AntigenLoss) -> str:
    text = f"{loss.antigen} {loss.verdict} on {loss.gate} since {loss.before}."
    return " ".join([text, *(finding.message for finding in loss.findings)])


def loss_table(loss: AntigenLoss) -> Table:
    """An antigen on blasts of now and of the earlier tube.

    Parameters
    ----------
    loss : AntigenLoss
        Comparison.

    Returns
    -------
    Table
        What, before, now.
    """

    def between(share: float, lower: float, upper: float) -> str:
        return f"{100 * share:.3g} % ({100 * lower:.3g} to {100 * upper:.3g} %)"

    rows = (
        ("Blasts", f"{loss.blasts_before:,}", f"{loss.blasts:,}"),
        (
            f"{loss.antigen} negative, 95 % interval",
            between(loss.pre_existing_share, loss.pre_existing_lower, loss.pre_existing_upper),
            between(loss.negative_share, loss.negative_lower, loss.negative_upper),
        ),
        ("Median, linear", f"{loss.median_before:,.0f}", f"{loss.median:,.0f}"),
        (
            "Times the median of before",
            "",
            f"{10**loss.shift_log10:.2g} ({10**loss.shift_lower:.2g} to {10**loss.shift_upper:.2g})",
        ),
        ("Modes", "", f"{'two' if loss.bimodal else 'one'} (Ashman's D {loss.separation:.2g})"),
    )
    columns = (Column("What"), Column("Before", number=True), Column("Now", number=True))
    note = f"Negative is below {loss.cut:,.0f}: the internal negative cells' upper percentile."
    return Table(
        title="Blasts of both tubes",
        columns=columns,
        rows=tuple(tuple(Cell(text) for text in row) for row in rows),
        note=note,
    )


def sensitivity_table(found: Sequence[CutSensitivity]) -> Table:
    """Counts with one cut moved.

    Parameters
    ----------
    found : sequence of CutSensitivity
        Each with one count a move of the gate definitions.

    Returns
    -------
    Table
        One row a compartment and cut; a row that varies more than twofold is marked.
    """
    heads = [f"{as_printed(f'{shift:+g}')} SD" if shift else "as cut" for shift in gate_definitions().shifts]
    rows = []
    for one in found:
        steady = max(one.events) <= 2 * max(1, min(one.events))
        cells = (Cell(f"{events:,}", tone="" if steady else "look") for events in one.events)
        rows.append((Cell(one.compartment), Cell(one.antigen), *cells))
    columns = (Column("Compartment"), Column("Cut moved"), *(Column(head, number=True) for head in heads))
    note = (
        "Events when one cut is moved by robust standard deviations (SD) of its reference cells "
        "to either side; amber where the count varies more than twofold."
    )
    return Table(title="What each cut decides", columns=columns, rows=tuple(rows), note=note)


def _cuts(cuts: Sequence[MarkerCut]) -> Table:
    columns = (
        Column("Antigen"),
        Column("Channel"),
        Column("Positive from", number=True),
        Column("Reference cells"),
        Column("Events", number=True),
        Column("Rule"),
    )
    rows = tuple(
        (
            Cell(one.antigen),
            Cell(one.channel),
            Cell(f"{one.linear_value:,.0f}"),
            Cell(spelt(one.reference)),
            Cell(f"{one.reference_events:,}"),
            Cell(spelt(one.rule_id)),
        )
        for one in cuts
    )
    return Table(title="Cuts of this tube", columns=columns, rows=rows, note="Linear, compensated units.")


def findings_table(found: Sequence[Finding]) -> Table:
    """What lowers the trust in the counts and in the statement.

    Parameters
    ----------
    found : sequence of Finding
        In the order in which they were noticed.

    Returns
    -------
    Table
        One row a finding, failures and warnings before notes.
    """
    ordered = sorted(found, key=lambda one: ("failure", "warning", "note").index(one.severity))
    rows = tuple(
        (
            Cell(one.severity, tone="" if one.severity == "note" else "look"),
            Cell(one.message, note=one.advice or ""),
        )
        for one in dict.fromkeys(ordered)
    )
    return Table(title="What was noticed", columns=(Column("Severity"), Column("What", share=1)), rows=rows)


def page(
    tube: Tube,
    counts: Sequence[GateCount],
    *,
    plots: Sequence[plot.Plot],
    cuts: Sequence[MarkerCut] = (),
    sensitivity: Sequence[CutSensitivity] = (),
    statement: MrdStatement | None = None,
    loss: AntigenLoss | None = None,
    findings: Sequence[Finding] = (),
    context: Context,
    synthetic: bool = False,
) -> str:
    """Self-contained HTML page of one tube.

    Parameters
    ----------
    tube : Tube
        Data set.
    counts : sequence of GateCount
        Gates, each after its parent.
    plots : sequence of Plot
        Densities with their gates.
    cuts : sequence of MarkerCut, default ()
        Where each antigen's positive begins.
    sensitivity : sequence of CutSensitivity, default ()
        Counts with cuts moved.
    statement : MrdStatement or None, default None
        Statement about residual cells.
    loss : AntigenLoss or None, default None
        An antigen against the patient's earlier tube.
    findings : sequence of Finding, default ()
        What was noticed in the file and its compartments; those of the statement are added.
    context : Context
        What the page says about itself.
    synthetic : bool, default False
        Whether the data are made up.

    Returns
    -------
    str
        HTML that needs no other file.
    """
    sections = []
    if statement is not None:
        sections.append(
            Section(
                title="Residual cells",
                tables=(statement_table(statement),),
            )
        )
    if loss is not None:
        sections.append(
            Section(
                title=f"{loss.antigen} on blasts", caption=_loss_sentence(loss), tables=(loss_table(loss),)
            )
        )
    noticed = findings_table((*(statement.findings if statement is not None else ()), *findings))
    if noticed.rows:
        sections.append(Section(title="What lowers trust", tables=(noticed,)))
    figure = draw.inline(tree.svg(counts, tube.events), css_class="flow-tree", identity="flow-tree")
    sections.append(
        Section(title="Gate tree", figure=figure, caption="Bars: share of all events, log scale.", tables=())
    )
    if plots:
        figure = draw.inline(plot.svg(plots), css_class="flow-plots", identity="flow-plots")
        caption = (
            "Darker cells hold more events, log scale; gates in red. The count beside a name is that of the whole gate, "
            "whose other cuts are not on the same plot."
        )
        sections.append(Section(title="Densities", figure=figure, caption=caption, tables=()))
    sections.append(Section(title="Definitions", tables=(_cuts(cuts), sensitivity_table(sensitivity))))
    heading = f"{tube.file}, {tube.events:,} events"
    first = {} if statement is None else {"sentence": _sentence(statement)}
    return html.render(
        "sections.html", context=context, synthetic=synthetic, heading=heading, sections=sections, **first
    )
