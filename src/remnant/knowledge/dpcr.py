"""Rules of digital PCR as typed rows: instruments, gate, blanks, replicates, positivity, volume, linkage."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar

from remnant.errors import KnowledgeError
from remnant.knowledge import tables
from remnant.knowledge.assays import default_assays
from remnant.records.partition import DigitalWell
from remnant.records.run import Assay

__all__ = [
    "IMPLIED",
    "BlankRule",
    "DigitalReplicates",
    "DigitalRules",
    "GateRule",
    "ImpliedVolume",
    "Instrument",
    "LinkageRule",
    "Positivity",
    "dpcr_assays",
    "dpcr_rules",
    "unverified_rows",
    "volume_source",
]

R = TypeVar("R")

IMPLIED: Final = "follows from the concentrations that the instrument exported"
"""What a well says of its partition volume where the export's own concentrations gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """Partitions of one family of instruments.

    Attributes
    ----------
    id, label, source, status : str
        Row, words for it, citation, ``"verified"`` or ``"unverified"``.
    volume_nl : float
        Volume of a partition.
    volume_cv : float
        Relative error of the mean volume, the same for all wells.
    well_cv : float
        Relative well-to-well variation of what is filled, until the replicates of a run tell more.
    minimum_partitions : int
        Fewer in a well are a finding.
    """

    id: str
    label: str
    volume_nl: float
    volume_cv: float
    well_cv: float
    minimum_partitions: int
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """Where the threshold of a channel stands.

    Attributes
    ----------
    id, label, source, status : str
        As in `Instrument`.
    mads : float
        Median absolute deviations above the median of the negatives.
    lowest_mads, highest_share : float
        The threshold is moved from this many deviations to this share of the way to the positives.
    sensitive_above : float
        Ratio of the largest to the smallest count over that range that is a finding.
    separation_mads : float
        Distance of two populations, in deviations of the negative one, that makes them two.
    stray_share : float
        Share of partitions far below the blanks that a well may hold; where most wells hold more, the blanks are none.
    """

    id: str
    label: str
    mads: float
    lowest_mads: float
    highest_share: float
    sensitive_above: float
    separation_mads: float
    stray_share: float
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlankRule:
    """Rate of false positives, and the limits that follow.

    Attributes
    ----------
    id, label, source, status : str
        As in `Instrument`.
    prior_positives, prior_partitions : float
        What the Beta prior is worth.
    level : float
        Probability of the limits of blank and of detection.
    outlier_p_value : float
        A blank that the others give with a smaller probability is left out.
    """

    id: str
    label: str
    prior_positives: float
    prior_partitions: float
    level: float
    outlier_p_value: float
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalReplicates:
    """When a replicate is left out, and how fast a run's own variation replaces the default.

    Attributes
    ----------
    id, label, source, status : str
        As in `Instrument`.
    p_value : float
        Error rate of the test for one group.
    learning_wells : float
        Degrees of freedom that the default variation is worth.
    """

    id: str
    label: str
    p_value: float
    learning_wells: float
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Positivity:
    """What makes a positive, and a positive a number.

    Attributes
    ----------
    id, label, source, status : str
        As in `Instrument`.
    minimum_copies : float
        Copies in all wells of a sample from which a value is quantified.
    minimum_control_copies : float
        Copies of the control gene below which nothing is evaluated.
    exact_control_below : float
        Copies of the control gene below which its error is integrated exactly.
    """

    id: str
    label: str
    minimum_copies: float
    minimum_control_copies: float
    exact_control_below: float
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpliedVolume:
    """When exported concentrations tell the partition volume, and when a well contradicts it.

    Attributes
    ----------
    id, label, source, status : str
        As in `Instrument`.
    minimum_positives : int
        Positive partitions of a well that counts.
    positive_share_below : float
        Share of positive partitions from which a well is too full to count.
    minimum_wells : int
        Such wells of a run from which their median replaces the instrument's row.
    relative_tolerance : float
        A well further from the median is a finding.
    unusual_factor : float
        A median this many times the instrument's volume, or this small a part of it, is a finding.
    """

    id: str
    label: str
    minimum_positives: int
    positive_share_below: float
    minimum_wells: int
    relative_tolerance: float
    unusual_factor: float
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkageRule:
    """When two targets share more partitions than chance gives.

    Attributes
    ----------
    id, label, source, status : str
        As in `Instrument`.
    p_value : float
        A well below it is a finding.
    """

    id: str
    label: str
    p_value: float
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalRules:
    """Rules of one quantification by digital PCR.

    Attributes
    ----------
    instruments : mapping of str to Instrument
        By id.
    gate : GateRule
        Threshold.
    blank : BlankRule
        False positives.
    replicates : DigitalReplicates
        Outlier wells.
    positivity : Positivity
        Detection and quantification.
    volume : ImpliedVolume
        Volume by exported concentrations.
    linkage : LinkageRule
        Targets on one molecule.
    run_sd_log10 : float
        Error between runs.
    """

    instruments: Mapping[str, Instrument]
    gate: GateRule
    blank: BlankRule
    replicates: DigitalReplicates
    positivity: Positivity
    volume: ImpliedVolume
    linkage: LinkageRule
    run_sd_log10: float


def _made(cls: type[R], row: Mapping[str, Any]) -> R:
    names = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    return cls(**{name: value for name, value in row.items() if name in names})


@functools.cache
def dpcr_rules() -> DigitalRules:
    """Rules of the table.

    Returns
    -------
    DigitalRules
        One row of each kind, and every instrument.

    Raises
    ------
    KnowledgeError
        If a kind has no row.

    Examples
    --------
    >>> dpcr_rules().instruments["qx"].volume_nl, dpcr_rules().gate.mads
    (0.85, 8.0)
    """
    rows = tables.rows("dpcr")
    one = {row["kind"]: row for row in rows}
    needed = {"instrument", "gate", "blank", "replicates", "positivity", "volume", "linkage", "error"}
    missing = needed - one.keys()
    if missing:
        raise KnowledgeError(
            where="knowledge/dpcr.toml",
            found="no row of kind " + ", ".join(sorted(missing)),
            needed="one of each kind",
            advice="Mend the table.",
        )
    return DigitalRules(
        instruments={row["id"]: _made(Instrument, row) for row in rows if row["kind"] == "instrument"},
        gate=_made(GateRule, one["gate"]),
        blank=_made(BlankRule, one["blank"]),
        replicates=_made(DigitalReplicates, one["replicates"]),
        positivity=_made(Positivity, one["positivity"]),
        volume=_made(ImpliedVolume, one["volume"]),
        linkage=_made(LinkageRule, one["linkage"]),
        run_sd_log10=float(one["error"]["sd_log10"]),
    )


@functools.cache
def dpcr_assays() -> tuple[Assay, ...]:
    """Assays of digital PCR: every assay that ships, on its own platform.

    Returns
    -------
    tuple of Assay
        Named like the assay by quantitative PCR, with ``dPCR`` behind it, so that series never mix.

    Examples
    --------
    >>> [(one.assay_id, one.unit) for one in dpcr_assays()][0]
    ('WT1/ABL1 dPCR', 'per_1e4')
    """
    return tuple(
        replace(assay, assay_id=f"{assay.assay_id} dPCR", platform="dpcr") for assay in default_assays()
    )


def unverified_rows(rules: DigitalRules, wells: Collection[DigitalWell]) -> tuple[tuple[str, str], ...]:
    """Rows behind wells of digital PCR that nobody verified against their source.

    Parameters
    ----------
    rules : DigitalRules
        Rules in use.
    wells : collection of DigitalWell
        Counted wells: they say which rows they stand on.

    Returns
    -------
    tuple of (str, str)
        Row id and source. The gate counts where a threshold was set here, the instrument's row or the exported
        concentrations where they gave the volume, linkage where two targets share a well.

    Examples
    --------
    >>> unverified_rows(dpcr_rules(), [])
    ()
    """
    if not wells:
        return ()
    gated = any(well.threshold is not None and well.gate != "instrument" for well in wells)
    sources = {well.volume_source for well in wells}
    targets: dict[tuple[str, str], set[str]] = {}
    for well in wells:
        targets.setdefault((well.run_id, well.position), set()).add(well.target)
    volumes = [row for row in rules.instruments.values() if volume_source(row) in sources]
    chosen: list[
        Instrument | GateRule | BlankRule | DigitalReplicates | Positivity | ImpliedVolume | LinkageRule
    ]
    chosen = [*volumes, *([rules.gate] if gated else []), rules.blank, rules.replicates, rules.positivity]
    chosen += [rules.volume] if IMPLIED in sources else []
    chosen += [rules.linkage] if any(len(names) > 1 for names in targets.values()) else []
    between = [(row["id"], row["source"]) for row in tables.rows("dpcr") if _is_open_error(row)]
    return (*((row.id, row.source) for row in chosen if row.status == "unverified"), *between)


def _is_open_error(row: Mapping[str, Any]) -> bool:
    return bool(row["kind"] == "error" and row["status"] == "unverified")


def volume_source(instrument: Instrument) -> str:
    """What a well says of its partition volume where the instrument's row gives it.

    Parameters
    ----------
    instrument : Instrument
        Row.

    Returns
    -------
    str
        Row and its status.

    Examples
    --------
    >>> volume_source(dpcr_rules().instruments["qx"])
    'row qx of knowledge/dpcr.toml, unverified'
    """
    return f"row {instrument.id} of knowledge/dpcr.toml, {instrument.status}"
