"""Assays beside one another: transcript and clonotype, assays that disagree, clones of the diagnosis sample."""

from __future__ import annotations

from typing import Final

from remnant.records.clonotype import ClonePoint
from remnant.records.dossier import Dossier
from remnant.report import changes, numbers, words
from remnant.report.table import Cell, Column, Table

__all__ = ["clones", "disagreements", "discordance"]

_FLOW: Final = "flow:"


def discordance(dossier: Dossier) -> Table:
    """Transcript beside clonotype, relative to diagnosis, newest first.

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
        Column("Date", number=True),
        Column("Excess, log₁₀", number=True),
        Column("Sign"),
        Column("Reason", share=1),
    )
    rows = tuple(
        (
            Cell(numbers.iso(one.drawn_on)),
            Cell(
                f"{'> ' if one.upper == float('inf') else ''}{numbers.signed(one.excess_log10)}",
                note=f"at least {numbers.signed(one.lower)}",
            ),
            Cell("excess" if one.excess else "none", note="CML-like" if one.cml_like else ""),
            Cell(one.reason),
        )
        for one in reversed(dossier.discordances)
    )
    return Table(title="BCR-ABL1 beside IG/TR", columns=columns, rows=rows)


def disagreements(dossier: Dossier) -> Table:
    """Assays of one day that disagree, newest first.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row a pair of assays.
    """
    columns = (
        Column("Date", number=True),
        Column("Higher"),
        Column("Lower"),
        Column("How"),
        Column("Difference, log₁₀", number=True),
        Column("Reason", share=1),
    )
    rows = tuple(
        (
            Cell(numbers.iso(one.drawn_on), note=words.MATERIAL.get(one.material, one.material)),
            Cell(_assay_name(one.higher)),
            Cell(_assay_name(one.lower)),
            Cell(one.kind, tone="look", note="" if one.rule_status == "verified" else "unverified rule"),
            Cell(
                "" if one.difference_log10 is None else numbers.signed(one.difference_log10),
                note=changes.span(one.difference_lower, one.difference_upper),
            ),
            Cell(one.reason),
        )
        for one in reversed(dossier.disagreements)
    )
    return Table(
        title="Assays that disagree",
        note="Assays of one day and material are compared and never merged; differences are of the changes since diagnosis.",
        columns=columns,
        rows=rows,
    )


def _assay_name(assay_id: str) -> str:
    """An assay's own name in words: a gate of cytometry without the prefix that tells it from markers."""
    return f"flow, {assay_id.removeprefix(_FLOW)}" if assay_id.startswith(_FLOW) else assay_id


def clones(dossier: Dossier) -> Table:
    """Clones of the diagnosis sample: index clones, and those that are back.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row a clone.
    """
    columns = (
        Column("Clone", share=1),
        Column("Role"),
        Column("At diagnosis, % of reads", number=True),
        Column("Reads by sample"),
        Column("Verdict"),
        Column("Reason", share=1),
    )
    shown = [one for one in dossier.clone_tracks if one.role == "index" or one.verdict == "returns"]
    hidden = len(dossier.clone_tracks) - len(shown)
    rows = tuple(
        (
            Cell(one.name, note=f"{one.locus}, same by {one.identity}"),
            Cell(one.role),
            Cell(numbers.percent(100.0 * one.diagnosis_share)),
            Cell(", ".join(_reads(point) for point in one.points)),
            Cell(
                one.verdict,
                tone="act" if one.verdict == "returns" else "look" if one.verdict == "detected again" else "",
                note=" ".join(
                    (
                        f"since {numbers.iso(one.since)}",
                        "" if one.rule_status == "verified" else "unverified rule",
                    )
                ).strip(),
            ),
            Cell(one.reason),
        )
        for one in shown
    )
    return Table(
        title="Clones of the diagnosis sample",
        note=f"Followed by identity, never summed. {numbers.plural(hidden, 'further watched clone')} did not return."
        if hidden
        else "Followed by identity, never summed.",
        columns=columns,
        rows=rows,
    )


def _reads(point: ClonePoint) -> str:
    """Reads of a clone in a sample; where nothing was found, the bound and never 0."""
    if point.state == "not detected":
        return f"< {numbers.level(point.upper_limit or 0.0)}"
    return f"{point.reads:,}" + (" (detected)" if point.state == "detected" else "")
