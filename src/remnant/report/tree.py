"""The haematopoietic tree of one sample, coloured by how likely each compartment carries the lesion.

Left to right, stem cell first; equal nodes; the fill is the posterior probability, one hue from light to
dark; the verdict stands in words under the name, counts, interval and purity below it. Not evaluable is
hatched, not sampled is an outline. Edges never cross: leaves take rows in the order of the tree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from remnant.knowledge.compartments import Compartment, compartments
from remnant.knowledge.fish import fish_row
from remnant.records.fish import CompartmentCall, SortedSample
from remnant.report import words
from remnant.report.draw import FONT
from remnant.report.numbers import p_value, probability
from remnant.report.palette import GRID, INK, MUTED, PAPER, contrast
from remnant.report.table import Cell, Column, Section, Table

__all__ = ["describe", "origin_table", "reason_table", "section", "tree_svg", "verdict_table"]

_WIDTH: Final = 198
_HEIGHT: Final = 92
_STEP_X: Final = 222
_STEP_Y: Final = 104
_MARGIN: Final = 8
_LEGEND: Final = 50
_LIGHT: Final = (0xFB, 0xF7, 0xEC)
_DARK: Final = (0x6B, 0x52, 0x14)
_HATCH: Final = (
    '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<line x1="0" y1="0" x2="0" y2="7" stroke="{GRID}" stroke-width="5"/></pattern></defs>'
)
_ON_LIGHT: Final = "#20242a"
_ON_DARK: Final = "#fffffe"


class _Node(NamedTuple):
    """A compartment and its place."""

    compartment: Compartment
    column: int
    row: float
    call: CompartmentCall | None


def tree_svg(sample: SortedSample) -> str:
    """Draw the tree of one sample.

    Parameters
    ----------
    sample : SortedSample
        What was concluded.

    Returns
    -------
    str
        One ``<svg>`` element with a view box, a description and no script.
    """
    nodes = _placed({call.compartment: call for call in sample.calls})
    width = 2 * _MARGIN + max(node.column for node in nodes.values()) * _STEP_X + _WIDTH
    height = 2 * _MARGIN + max(node.row for node in nodes.values()) * _STEP_Y + _HEIGHT + _LEGEND
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" font-family="{escape(FONT)}">',
        f"<desc>{escape(describe(sample))}</desc>",
        _HATCH,
    ]
    parts += [
        _edge(nodes[node.compartment.parent], node) for node in nodes.values() if node.compartment.parent
    ]
    parts += [_drawn(node) for node in nodes.values()]
    parts.append(_legend(height - _LEGEND + 14))
    return "".join([*parts, "</svg>"])


def _shown(calls: Mapping[str, CompartmentCall]) -> list[Compartment]:
    """Nodes to draw: pooled gates only where sampled, and then they stand for what they hold."""
    pooled = {row.lineage for row in compartments() if row.pooled and row.id in calls}
    kept = []
    for row in compartments():
        covered = row.lineage in pooled and row.lineage == "b" and not row.pooled
        if row.id in calls or not (row.pooled or covered):
            kept.append(row)
    return kept


def _placed(calls: Mapping[str, CompartmentCall]) -> dict[str, _Node]:
    rows = _shown(calls)
    names = {row.id for row in rows}
    above = {row.id: row.parent for row in compartments()}
    children: dict[str, list[Compartment]] = {}
    for row in rows:
        parent = row.parent
        while parent and parent not in names:
            parent = above[parent]
        children.setdefault(parent, []).append(row)
    nodes: dict[str, _Node] = {}
    free = iter(range(len(rows)))

    def place(row: Compartment, column: int) -> float:
        below = [place(child, column + 1) for child in children.get(row.id, [])]
        at = sum(below) / len(below) if below else float(next(free))
        nodes[row.id] = _Node(row, column, at, calls.get(row.id))
        return at

    for root in children[""]:
        place(root, 0)
    return nodes


def _corner(node: _Node) -> tuple[float, float]:
    return _MARGIN + node.column * _STEP_X, _MARGIN + node.row * _STEP_Y


def _edge(parent: _Node, child: _Node) -> str:
    (x0, y0), (x1, y1) = _corner(parent), _corner(child)
    start, end, middle = x0 + _WIDTH, x1, (x0 + _WIDTH + x1) / 2
    above, below = y0 + _HEIGHT / 2, y1 + _HEIGHT / 2
    return (
        f'<path d="M{start:g} {above:g}C{middle:g} {above:g} {middle:g} {below:g} {end:g} {below:g}"'
        f' fill="none" stroke="{MUTED}" stroke-width="1.2"/>'
    )


def _drawn(node: _Node) -> str:
    x, y = _corner(node)
    call = node.call
    name = node.compartment.id
    fill, ink, dash = PAPER, MUTED, ' stroke-dasharray="3 3"'
    lines: list[tuple[str, int, str]] = [(name, 13, "normal"), ("not sampled", 12, "normal")]
    if call is not None:
        fill = PAPER if call.verdict == "not evaluable" else shade(call.probability)
        ink = INK if call.verdict == "not evaluable" else _text_on(fill)
        dash = ""
        lines = [
            (name, 13, "600"),
            (call.verdict, 13, "600"),
            (f"{call.positive}/{call.scored}, {_purity(call)}", 12, "normal"),
            (f"true share {_share(call)}", 12, "normal"),
            (f"P(involved) {probability(call.probability)}", 12, "normal"),
        ]
    top = y + 18 if call is not None else y + _HEIGHT / 2 - 3
    text = "".join(
        f'<text x="{x + 10:g}" y="{top + 16.5 * i:g}" font-size="{size}" font-weight="{weight}" fill="{ink}">'
        f"{escape(line)}</text>"
        for i, (line, size, weight) in enumerate(lines)
    )
    box = f'<rect x="{x:g}" y="{y:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="4"'
    edge = INK if call is not None else MUTED
    hatch = f'{box} fill="url(#hatch)"/>' if call is not None and call.verdict == "not evaluable" else ""
    outline = f' stroke="{edge}" stroke-width="{1.4 if call is not None else 1}"{dash}/>'
    title = f"<title>{escape(call.reason if call is not None else node.compartment.name + ' was not sampled')}</title>"
    return f'<g>{title}{box} fill="{fill}"{outline}{hatch}{text}</g>'


def shade(probability: float) -> str:
    """Fill of a probability: one hue, light to dark.

    Parameters
    ----------
    probability : float
        Between 0 and 1.

    Returns
    -------
    str
        Hexadecimal colour.

    Examples
    --------
    >>> shade(0.0), shade(1.0)
    ('#fbf7ec', '#6b5214')
    """
    mixed = (round(a + (b - a) * probability) for a, b in zip(_LIGHT, _DARK, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _text_on(fill: str) -> str:
    return max((_ON_LIGHT, _ON_DARK), key=lambda ink: contrast(ink, fill))


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.0f}" if percent >= 10 or percent == 0 else f"{percent:.1f}"


def _share(call: CompartmentCall) -> str:
    if call.fraction == 0.0:
        return f"< {_percent(call.upper)} %"
    return f"{_percent(call.fraction)} % ({_percent(call.lower)}-{_percent(call.upper)})"


def _purity(call: CompartmentCall) -> str:
    if call.purity is None or call.purity_lower is None or call.purity_upper is None:
        return "purity unknown"
    return f"purity {_percent(call.purity)} % ({_percent(call.purity_lower)}-{_percent(call.purity_upper)})"


def _legend(y: float) -> str:
    """Scale of the fill, the hatch and the outline."""
    steps = "".join(
        f'<rect x="{_MARGIN + 24 * i}" y="{y:g}" width="24" height="12" fill="{shade(i / 4)}"/>'
        for i in range(5)
    )
    ticks = "0 to 1: posterior probability that the compartment carries the lesion"
    left = _MARGIN + 5 * 24 + 10
    far = left + 420
    return (
        f'<g font-size="12" fill="{MUTED}">{steps}<text x="{left}" y="{y + 11:g}">{ticks}</text>'
        f'<rect x="{far}" y="{y:g}" width="24" height="12" fill="url(#hatch)" stroke="{INK}"/>'
        f'<text x="{far + 32}" y="{y + 11:g}">not evaluable</text>'
        f'<rect x="{far + 130}" y="{y:g}" width="24" height="12" fill="{PAPER}" stroke="{MUTED}" stroke-dasharray="3 3"/>'
        f'<text x="{far + 162}" y="{y + 11:g}">not sampled</text></g>'
    )


def describe(sample: SortedSample) -> str:
    """The tree in words.

    Parameters
    ----------
    sample : SortedSample
        What was concluded.

    Returns
    -------
    str
        One sentence a compartment.
    """
    verdicts = "; ".join(
        f"{call.compartment} {call.verdict}, {call.positive} of {call.scored}, {_purity(call)}"
        for call in sample.calls
    )
    return f"Haematopoietic tree of sample {sample.sample_id}: {verdicts}."


def section(samples: Sequence[SortedSample]) -> tuple[Section, ...]:
    """Sections of a patient's report, one a sample.

    Parameters
    ----------
    samples : sequence of SortedSample
        Samples of one patient, by date.

    Returns
    -------
    tuple of Section
        Tree, verdicts and origin.
    """
    return tuple(
        Section(
            title=f"Which compartments carry the lesion: sample {one.sample_id}, {one.drawn_on.isoformat()}",
            tables=(verdict_table(one), reason_table(one), origin_table(one)),
            figure=tree_svg(one),
            caption=f"{words.compartments(one)} Origin: {one.origin.reason}",
        )
        for one in samples
    )


def verdict_table(sample: SortedSample) -> Table:
    """Verdicts with everything they rest on.

    Parameters
    ----------
    sample : SortedSample
        What was concluded.

    Returns
    -------
    Table
        One row a compartment.
    """
    columns = (
        Column("Compartment"),
        Column("Verdict"),
        Column("Nuclei", number=True),
        Column("Purity", number=True),
        Column("True share (95 %)", number=True),
        Column("P(involved)", number=True),
        Column("P, test", number=True),
        Column("Critical count", number=True),
        Column("Classical cut-off", share=1),
    )
    rows = tuple(
        (
            Cell(call.compartment),
            Cell(call.verdict),
            Cell(f"{call.positive}/{call.scored}"),
            Cell(_purity(call).removeprefix("purity ")),
            Cell(_share(call)),
            Cell(probability(call.probability)),
            Cell(p_value(call.p_value).removeprefix("P ").removeprefix("= ")),
            Cell(str(call.critical_count), note=f"size {call.attained_size:.3f}"),
            Cell(call.classical_verdict, note=call.classical_method, tone="look" if call.disagrees else ""),
        )
        for call in sample.calls
    )
    note = f"Rule of sorted fractions, version {sample.calls[0].rule_version} ({fish_row('rule')['status']}). P(involved): posterior that the compartment itself carries the lesion. P, test: chance of so many positive nuclei by carry-over and false positives alone. Critical count: fewest positive nuclei that this test calls positive; size: how often it does so in a compartment without the lesion."
    return Table(title="Compartments", columns=columns, rows=rows, note=note)


def reason_table(sample: SortedSample) -> Table:
    """Why each verdict, in a sentence.

    Parameters
    ----------
    sample : SortedSample
        What was concluded.

    Returns
    -------
    Table
        One row a compartment.
    """
    return Table(
        title="Why",
        columns=(Column("Compartment"), Column("Reason", share=1)),
        rows=tuple((Cell(call.compartment), Cell(call.reason)) for call in sample.calls),
    )


def _range(lower: float, upper: float) -> str:
    """Range of a probability, never as certainty; one bound where both ends print alike."""
    ends = probability(lower), probability(upper)
    if ends[0] == ends[1]:
        return ends[0]
    return " to ".join(ends) if any(end[0] in "<>" for end in ends) else "-".join(ends)


def origin_table(sample: SortedSample) -> Table:
    """Posterior over the classes of origin.

    Parameters
    ----------
    sample : SortedSample
        What was concluded.

    Returns
    -------
    Table
        One row a class.
    """
    columns = (
        Column("Class of origin"),
        Column("Probability", number=True),
        Column("Range over the settings", number=True),
        Column("Before the data", number=True),
    )
    found = sample.origin
    rows = tuple(
        (Cell(name), Cell(probability(after)), Cell(_range(low, high)), Cell(probability(before)))
        for name, after, low, high, before in zip(
            found.classes, found.probability, found.lower, found.upper, found.prior, strict=True
        )
    )
    return Table(
        title="Classes of origin",
        columns=columns,
        rows=rows,
        note=f"{'With' if found.uses_clonotypes else 'Without'} IG/TR of the fractions. Settings: "
        + "; ".join(found.settings)
        + ".",
    )
