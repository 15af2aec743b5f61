"""Rules of statements about residual cells by flow cytometry."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from remnant.knowledge import tables

__all__ = ["EpitopeMask", "FlowRules", "SufficiencyRule", "flow_rules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SufficiencyRule:
    """Cells that a negative needs, by one rule set.

    Attributes
    ----------
    rule_id : str
        Row.
    lesion : str
        Disease it speaks of: ``"AML"``, ``"ALL"`` or ``"LSC"``.
    what : str
        What is counted.
    events : int
        How many.
    source, status : str
        As in the row.
    """

    rule_id: str
    lesion: str
    what: str
    events: int
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EpitopeMask:
    """A drug that covers an epitope.

    Attributes
    ----------
    rule_id, therapy, antigen, source : str
        As in the row.
    """

    rule_id: str
    therapy: str
    antigen: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRules:
    """All rows of ``flow.toml``.

    Attributes
    ----------
    lod_events, loq_events : int
        Events of a detected and of a quantified population.
    blank_percentile, detection_probability : float
        Of the limits of blank and of detection.
    fewest_controls : int
        Controls from which the spread between them is estimated.
    assumed_dispersion : float
        Extra variance where there are fewer.
    sufficiency : tuple of SufficiencyRule
        Cells that a negative needs.
    progenitor_share : float
        Share of CD34+ cells below which marrow looks diluted.
    mixture_components : int
        Components of the density of normal cells.
    false_positive_rate : float
        Share of normal cells that may be called different.
    negative_percentile : float
        Percentile of the internal negative cells below which an antigen is lost.
    shift_log10 : float
        Fall of the median that is called a shift.
    pre_existing_share : float
        Share of negative cells that counts as a population before therapy.
    loss_blast_share : float
        Share of blasts from which an antigen is compared with the earlier tube of the patient.
    separation : float
        Distance of two modes.
    masks : tuple of EpitopeMask
        Drugs that cover an epitope.
    version : str
        Version of the table.
    """

    lod_events: int
    loq_events: int
    blank_percentile: float
    detection_probability: float
    fewest_controls: int
    assumed_dispersion: float
    sufficiency: tuple[SufficiencyRule, ...]
    progenitor_share: float
    mixture_components: int
    false_positive_rate: float
    negative_percentile: float
    shift_log10: float
    pre_existing_share: float
    loss_blast_share: float
    separation: float
    masks: tuple[EpitopeMask, ...]
    version: str


@functools.cache
def flow_rules() -> FlowRules:
    """Rules that ship with remnant.

    Returns
    -------
    FlowRules
        A study changes them with `dataclasses.replace`.

    Examples
    --------
    >>> rules = flow_rules()
    >>> rules.lod_events, rules.loq_events
    (20, 50)
    """
    rows = tables.rows("flow")
    by_id = {row["id"]: row for row in rows}
    blank, normal, lost = by_id["limit_of_blank"], by_id["different_from_normal"], by_id["antigen_negative"]
    return FlowRules(
        lod_events=by_id["lod_events"]["events"],
        loq_events=by_id["loq_events"]["events"],
        blank_percentile=blank["percentile"],
        detection_probability=blank["detection"],
        fewest_controls=by_id["fewest_controls"]["tubes"],
        assumed_dispersion=by_id["assumed_dispersion"]["dispersion"],
        sufficiency=tuple(
            SufficiencyRule(
                rule_id=row["id"],
                **{name: row[name] for name in ("lesion", "what", "events", "source", "status")},
            )
            for row in rows
            if row["kind"] == "sufficiency"
        ),
        progenitor_share=by_id["haemodilution"]["progenitor_share"],
        mixture_components=normal["components"],
        false_positive_rate=normal["false_positive_rate"],
        negative_percentile=lost["percentile"],
        shift_log10=lost["shift_log10"],
        pre_existing_share=lost["pre_existing_share"],
        loss_blast_share=by_id["antigen_loss_blasts"]["share"],
        separation=by_id["bimodal"]["separation"],
        masks=tuple(
            EpitopeMask(
                rule_id=row["id"], therapy=row["therapy"], antigen=row["antigen"], source=row["source"]
            )
            for row in rows
            if row["kind"] == "masking"
        ),
        version=tables.version("flow"),
    )
