"""What the commands of cytometry print: counts, cuts, statements, antigens."""

from __future__ import annotations

from typing import Any

from remnant.assay.flow.compartments import CompartmentCounts
from remnant.cli.printed import listed
from remnant.knowledge.gates import gate_definitions
from remnant.records.antigen_loss import AntigenLoss
from remnant.records.flow import GateCount, MrdStatement

__all__ = ["compartment_lines", "counts_table", "loss_lines", "said_lines"]


def counts_table(counts: tuple[GateCount, ...]) -> Any:
    """Gates with their counts.

    Parameters
    ----------
    counts : tuple of GateCount
        Gates.

    Returns
    -------
    renderable
        Table.
    """
    rows = (
        (" / ".join(one.path), f"{one.events:,}", f"{100 * one.events / one.parent_events:.3g}")
        if one.parent_events
        else (" / ".join(one.path), f"{one.events:,}", "")
        for one in counts
    )
    return listed(("gate", "events", "% of parent"), rows, right=("events", "% of parent"))


def compartment_lines(found: CompartmentCounts) -> list[Any]:
    """Compartments, cuts and what each cut decides.

    Parameters
    ----------
    found : CompartmentCounts
        Of one tube.

    Returns
    -------
    list of renderable
        Tables and findings.
    """
    cuts = (
        (
            cut.antigen,
            cut.channel,
            f"{cut.linear_value:.0f}",
            cut.reference,
            f"{cut.reference_events:,}",
            cut.rule_id,
        )
        for cut in found.cuts
    )
    columns = ("antigen", "channel", "positive from", "reference cells", "events", "rule")
    moved = (
        (one.compartment, one.antigen, *(f"{events:,}" for events in one.events)) for one in found.sensitivity
    )
    shifts = [f"{shift:+g} SD" if shift else "as cut" for shift in gate_definitions().shifts]
    return [
        counts_table(found.counts),
        "",
        listed(columns, cuts, right=("positive from", "events")),
        "",
        "Events when one cut is moved by standard deviations of its reference cells:",
        listed(("compartment", "cut moved", *shifts), moved, right=shifts),
        *(f"{finding.severity}: {finding.message}" for finding in found.findings),
    ]


def _interval(said: MrdStatement) -> str:
    level = f"{100 * said.interval_level:g} %"
    if said.estimate is None or said.lower is None:
        return f"Above background less than {100 * said.upper:.2g} % ({level}, {said.interval_basis})"
    return (
        f"Above background {100 * said.estimate:.2g} %, {level} interval {100 * said.lower:.2g} to "
        f"{100 * said.upper:.2g} %, {said.interval_basis}"
    )


def said_lines(said: MrdStatement) -> list[str]:
    """The statement about residual cells, line by line.

    Parameters
    ----------
    said : MrdStatement
        Statement.

    Returns
    -------
    list of str
        Lines.
    """
    share = "" if said.share is None else f", {100 * said.share:.3g} %"
    lines = [
        f"{said.gate}: {said.state}, {said.k:,} of {said.n:,} {said.denominator_name}{share}.",
        f"{_interval(said)}; background {said.background_basis}.",
        (
            f"Limit of detection {100 * said.limit_of_detection:.2g} % ({said.limit_of_detection_basis}), "
            f"of quantification {100 * said.limit_of_quantification:.2g} % ({said.limit_of_quantification_basis})."
        ),
    ]
    lines += [
        f"{rule.rule_id}: {rule.found:,} {rule.what} of {rule.needed:,} needed, {'enough' if rule.met else 'too few'}."
        for rule in said.sufficiency
    ]
    lines += [f"{finding.severity}: {finding.message}" for finding in said.findings]
    return [*lines, "Research use only."]


def loss_lines(found: AntigenLoss) -> list[str]:
    """An antigen against the earlier tube, line by line.

    Parameters
    ----------
    found : AntigenLoss
        Comparison.

    Returns
    -------
    list of str
        Lines.
    """
    modes = "two modes" if found.bimodal else "one mode"
    return [
        f"{found.antigen} {found.verdict} on {found.gate}: {found.blasts:,} blasts, {found.blasts_before:,} in {found.before}.",
        (
            f"Negative {100 * found.negative_share:.3g} % of blasts ({100 * found.negative_lower:.3g} to "
            f"{100 * found.negative_upper:.3g} %); before {100 * found.pre_existing_share:.3g} % "
            f"({100 * found.pre_existing_lower:.3g} to {100 * found.pre_existing_upper:.3g} %); {modes}."
        ),
        (
            f"Median {found.median:,.0f} after {found.median_before:,.0f}: {10**found.shift_log10:.2g} times "
            f"({10**found.shift_lower:.2g} to {10**found.shift_upper:.2g})."
        ),
        *(f"{finding.severity}: {finding.message}" for finding in found.findings),
        "Research use only.",
    ]
