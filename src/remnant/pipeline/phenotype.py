"""A patient's phenotype from tube to statement, and cells that differ from normal.

Background is what the rule calls in tubes of normal cells that its trees did not see, tube by tube, so that the spread
between marrows is measured; recall is measured on diagnostic blasts in the same way. A tube that is given as a control when
a phenotype is looked for stands beside those of learning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

import remnant
from remnant.assay.flow.aberrance import aberrance, different_from_normal, held_out_rate
from remnant.assay.flow.compartments import CompartmentCounts
from remnant.assay.flow.counting import axis_values, masks
from remnant.assay.flow.laip import TrackedPhenotype, called, tracked_phenotype
from remnant.assay.flow.mrd import mrd_statement
from remnant.assay.flow.panels import checked_panel
from remnant.assay.flow.phenotype import cell_points, shared_antigens, stored_trees, tracked
from remnant.errors import FitError, InputError, MeasurementError
from remnant.knowledge.flow import flow_rules
from remnant.pipeline.flow import Lesion, tube_compartments
from remnant.records.flow import Events, MrdStatement, PanelChannel, ReferenceTube
from remnant.records.gate import Axis
from remnant.records.phenotype import DifferentCells, PhenotypeRule

__all__ = ["PanelTube", "different_cells", "learned_phenotype", "phenotype_statement"]

Floats = NDArray[np.float64]

_LEUCOCYTES: Final = "CD45+"
_EVENTS: Final = "events"
_PROGENITORS: Final = ("HSC", "progenitor")
_FEWEST: Final = 50
_BLASTS: Final = 50_000
_FIT: Final = 40_000
_RANK_A_TUBE: Final = 4
_HELD_OUT: Final = 3


class PanelTube(NamedTuple):
    """A tube with its panel.

    Attributes
    ----------
    events : Events
        Data set.
    panel : tuple of PanelChannel
        Which antigen each channel measures.
    """

    events: Events
    panel: tuple[PanelChannel, ...]

    @property
    def channels(self) -> dict[str, str]:
        """Antigen to channel.

        Returns
        -------
        dict of str to str
            As `checked_panel` finds them.
        """
        return checked_panel(self.panel, self.events.tube)


def _blast_mask(tube: PanelTube, gate: str) -> NDArray[np.bool_]:
    """Cells of a compartment, or those whose value in a channel of labels is above 0."""
    names = [one.name for one in tube.events.tube.channels]
    if gate in names:
        return np.asarray(axis_values(tube.events, [Axis(channel=gate)])[:, 0] > 0)
    found = tube_compartments(tube.events, tube.panel)
    gates = [one.name for one in found.gating.gates]
    if gate not in gates:
        raise InputError(
            where=f"file {tube.events.tube.file}",
            found=f"neither a compartment nor a channel {gate!r}",
            needed=", ".join([*gates, *names]),
            advice="Name the gate, or the channel of labels, that tells the blasts of the diagnosis.",
            problems=[one.message for one in found.findings if one.message.startswith(gate)],
        )
    return masks(tube.events, found.gating, [gate])[gate]


def _counted(tube: PanelTube) -> tuple[CompartmentCounts, dict[str, int]]:
    found = tube_compartments(tube.events, tube.panel)
    return found, {one.gate: one.events for one in found.counts}


def _denominator(tube: PanelTube, name: str) -> int:
    return tube.events.tube.events if name == _EVENTS else _counted(tube)[1].get(name, 0)


def learned_phenotype(
    diagnosis: PanelTube,
    normals: Mapping[str, PanelTube],
    *,
    gate: str,
    diagnosis_sha256: str = "",
    trees: int = 100,
    seed: int,
) -> PhenotypeRule:
    """Rule that tells the patient's blasts from normal cells.

    Parameters
    ----------
    diagnosis : PanelTube
        Tube of the diagnosis.
    normals : mapping of str to PanelTube
        Tubes without disease, by name; with two or more, the background is that of tubes the trees did not see.
    gate : str
        Compartment of the blasts, or a channel of the diagnosis that is above 0 for them.
    diagnosis_sha256 : str, default ""
        Hash of its file.
    trees : int, default 100
        Rounds of boosting.
    seed : int
        The same seed gives the same rule.

    Returns
    -------
    PhenotypeRule
        To be stored.

    Raises
    ------
    InputError
        If the tubes share too few antigens, the gate is unknown, or there are too few blasts.
    FitError
        If there are too few cells, or blasts cannot be told from normal cells.
    """
    if not normals:
        raise InputError(
            where="normal cells",
            found="no tube",
            needed="at least one tube without disease",
            advice="Give healthy or regenerating marrows of the same panel.",
        )
    tubes = {"diagnosis": diagnosis, **normals}
    antigens = shared_antigens({name: tube.channels for name, tube in tubes.items()})
    rng = np.random.default_rng(seed)
    blasts = cell_points(diagnosis.events, diagnosis.channels, antigens, where=_blast_mask(diagnosis, gate))
    if len(blasts) < _FEWEST:
        raise MeasurementError(
            where=f"file {diagnosis.events.tube.file}",
            found=f"{len(blasts)} blasts in {gate}",
            needed=f"at least {_FEWEST}",
            advice="Learn a phenotype from the diagnosis or another tube that is rich in blasts.",
        )
    if len(blasts) > _BLASTS:
        blasts = blasts[rng.choice(len(blasts), _BLASTS, replace=False)]
    points = [cell_points(one.events, one.channels, antigens) for one in normals.values()]
    owner = np.repeat(np.arange(len(points)), [len(one) for one in points])
    found = tracked_phenotype(
        blasts,
        np.concatenate(points),
        tubes=owner,
        rank=1 + _RANK_A_TUBE * len(points),
        trees=trees,
        rng=rng,
    )
    if found.recall * len(blasts) < _FEWEST:
        raise FitError(
            where=f"phenotype of {diagnosis.events.tube.file}",
            found=f"{100 * found.recall:.2g} % of {len(blasts):,} blasts called where normal cells are hardly",
            needed=f"at least {_FEWEST} blasts that are told from normal cells",
            advice="Take more rounds of boosting, a gate of blasts alone, or a panel that parts them from normal cells.",
        )
    denominator = _LEUCOCYTES if all(_denominator(one, _LEUCOCYTES) for one in tubes.values()) else _EVENTS
    return PhenotypeRule(
        antigens=antigens,
        trees=stored_trees(found),
        limit=found.limit,
        recall=found.recall,
        recall_dispersion=found.recall_dispersion,
        controls=tuple(
            ReferenceTube(name=name, events=hits, denominator=_denominator(normals[name], denominator))
            for name, (hits, _) in zip(normals, found.held_out, strict=True)
        ),
        denominator=denominator,
        gate=gate,
        blasts=len(blasts),
        diagnosis=diagnosis.events.tube.file,
        diagnosis_sha256=diagnosis_sha256,
        software=remnant.__version__,
    )


def phenotype_statement(
    rule: PhenotypeRule,
    tube: PanelTube,
    *,
    controls: Mapping[str, PanelTube] | None = None,
    lesion: Lesion,
    material: str | None = None,
) -> MrdStatement:
    """Residual cells of the patient's phenotype in a later tube.

    Parameters
    ----------
    rule : PhenotypeRule
        Rule learned at diagnosis.
    tube : PanelTube
        Follow-up.
    controls : mapping of str to PanelTube or None, default None
        Further tubes without disease.
    lesion : {"AML", "ALL", "LSC"}
        Whose rules of sufficiency apply.
    material : {"BM", "PB"} or None, default None
        Material.

    Returns
    -------
    MrdStatement
        With background and recall as they were measured.

    Raises
    ------
    InputError
        If a tube lacks an antigen of the rule, or its denominator.
    """
    trees = tracked(rule)
    counts = _counted(tube)[1]
    k, n = _called(trees, tube, rule)
    further = [
        ReferenceTube(name=name, events=hits, denominator=cells)
        for name, (hits, cells) in (
            (name, _called(trees, one, rule)) for name, one in (controls or {}).items()
        )
    ]
    progenitors = sum(counts[name] for name in _PROGENITORS) if set(_PROGENITORS) <= set(counts) else None
    cells = {"nucleated cells": tube.events.tube.events}
    if rule.denominator == _LEUCOCYTES:
        cells |= {_LEUCOCYTES: n, "WBC": n}
        if progenitors is not None:
            cells["blast compartment"] = progenitors
    return mrd_statement(
        k,
        n,
        gate=f"phenotype of {rule.diagnosis}",
        denominator=rule.denominator,
        controls=(*rule.controls, *further),
        cells=cells,
        lesion=lesion,
        progenitors=progenitors if material == "BM" and rule.denominator == _LEUCOCYTES else None,
        recall=rule.recall,
        recall_dispersion=rule.recall_dispersion,
        rules=flow_rules(),
    )


def _called(trees: TrackedPhenotype, tube: PanelTube, rule: PhenotypeRule) -> tuple[int, int]:
    """Cells called, and the denominator together with them: called cells may be dim in CD45."""
    hit = called(trees, cell_points(tube.events, tube.channels, rule.antigens))
    k = int(np.count_nonzero(hit))
    if rule.denominator == _EVENTS:
        return k, tube.events.tube.events
    found, counts = _counted(tube)
    if counts.get(rule.denominator):
        bright = masks(tube.events, found.gating, [rule.denominator])[rule.denominator]
        return k, int(np.count_nonzero(bright | hit))
    raise InputError(
        where=f"file {tube.events.tube.file}",
        found=f"no {rule.denominator} cells",
        needed="the denominator that the phenotype was learned with",
        advice="Use a tube of the same panel.",
    )


def different_cells(tube: PanelTube, normals: Mapping[str, PanelTube], *, seed: int) -> DifferentCells:
    """Cells unlike normal ones, with the false-positive rate measured on cells that were held out.

    Parameters
    ----------
    tube : PanelTube
        Tube to look at.
    normals : mapping of str to PanelTube
        Tubes without disease: of two or more the last is held out, of one a third of its cells.
    seed : int
        The same seed gives the same rule.

    Returns
    -------
    DifferentCells
        Counts and rates. It is no statement about residual disease.

    Raises
    ------
    InputError
        If there is no normal tube, or the tubes share too few antigens.
    FitError
        If there are too few cells.
    """
    if not normals:
        raise InputError(
            where="normal cells",
            found="no tube",
            needed="at least one tube without disease",
            advice="Give tubes of the same panel.",
        )
    named = {tube.events.tube.file: tube, **{f"normal {name}": one for name, one in normals.items()}}
    antigens = shared_antigens({name: one.channels for name, one in named.items()})
    rng, rules = np.random.default_rng(seed), flow_rules()
    fit, held, held_out = _parted(normals, antigens, rng)
    rule = different_from_normal(
        fit, components=rules.mixture_components, false_positive_rate=rules.false_positive_rate, rng=rng
    )
    rate = held_out_rate(rule, held)
    own = cell_points(tube.events, tube.channels, antigens)
    found = int(np.count_nonzero(aberrance(rule, own) > rule.limit))
    return DifferentCells(
        antigens=antigens,
        called=found,
        events=len(own),
        share=found / len(own),
        asked=rules.false_positive_rate,
        held_out=held_out,
        held_out_called=rate.called,
        held_out_events=rate.events,
        held_out_share=rate.rate,
        held_out_lower=rate.lower,
        held_out_upper=rate.upper,
    )


def _parted(
    normals: Mapping[str, PanelTube], antigens: Sequence[str], rng: np.random.Generator
) -> tuple[Floats, Floats, str]:
    """Normal cells to learn from, those held out, and whose these are."""
    points = [cell_points(one.events, one.channels, antigens) for one in normals.values()]
    if len(points) == 1:
        cells = points[0][rng.permutation(len(points[0]))]
        third = len(cells) // _HELD_OUT
        return _some(cells[third:], 1), cells[:third], f"a third of {next(iter(normals))}"
    return np.concatenate([_some(one, len(points) - 1) for one in points[:-1]]), points[-1], list(normals)[-1]


def _some(points: Floats, tubes: int) -> Floats:
    """Cells of one of several tubes, evenly chosen, so that all hold no more than a density needs."""
    return points[:: max(1, len(points) * tubes // _FIT)]
