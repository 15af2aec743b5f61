"""Rules of quantitative PCR as typed rows: curve gates, replicates, contamination, control bands, positivity.

A rule is picked by its id; `QpcrRules` is the set that one quantification uses. Thresholds live in the
tables ``qpcr_*.toml``, ``westgard.toml`` and ``control_charts.toml`` beside this module.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

from remnant.errors import KnowledgeError
from remnant.knowledge import tables

__all__ = [
    "ChartSettings",
    "ContaminationRule",
    "ControlBands",
    "CurveGates",
    "PositivityRule",
    "QpcrRules",
    "ReplicateRule",
    "WellAssumptions",
    "WestgardRule",
    "chart_settings",
    "control_bands",
    "curve_gates",
    "qpcr_rules",
    "unverified_rows",
    "well_assumptions",
    "westgard_rules",
]

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveGates:
    """Gates of a standard curve.

    Attributes
    ----------
    id, label, source, status : str
        Row, words for it, citation, ``"verified"`` or ``"unverified"``.
    slope_low, slope_high : float
        Inclusive bounds of the slope, cycles per tenfold.
    r_squared_min : float
        Bound of the coefficient of determination.
    r_squared_inclusive : bool
        Whether the bound itself passes.
    levels_min : int
        Distinct standards needed.
    """

    id: str
    label: str
    slope_low: float
    slope_high: float
    r_squared_min: float
    r_squared_inclusive: bool
    levels_min: int
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicateRule:
    """When a replicate is left out.

    Attributes
    ----------
    id, label, source, status : str
        Row, words for it, citation, status.
    method : {"predictive", "delta_cq", "none"}
        Count test with technical noise, a fixed difference, or nothing.
    p_value : float
        Error rate of the test for one group of replicates.
    delta_cq, below_cq : float
        Fixed difference, and the Cq below which it is asked.
    """

    id: str
    label: str
    method: Literal["predictive", "delta_cq", "none"]
    source: str
    status: str
    p_value: float = 0.0
    delta_cq: float = 0.0
    below_cq: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContaminationRule:
    """What a signal without template does.

    Attributes
    ----------
    id, label, source, status : str
        Row, words for it, citation, status.
    any_signal_fails_run : bool
        Whether any signal in a target's no-template control blocks that target in the run.
    margin_cycles : float
        A sample whose earliest Cq is not this far below the lowest no-template Cq is indeterminate.
    no_rt_margin_cycles : float
        The same for a well without reverse transcription.
    """

    id: str
    label: str
    any_signal_fails_run: bool
    margin_cycles: float
    no_rt_margin_cycles: float
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlBands:
    """What the control gene allows.

    Attributes
    ----------
    id, source, status : str
        Row, citation, status.
    control : str
        Control gene; ``"*"`` for any other.
    full_copies, reduced_copies : float
        Mean copies a well from which sensitivity is full, and from which it is at least reduced.
    """

    id: str
    control: str
    full_copies: float
    reduced_copies: float
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositivityRule:
    """When wells make a positive, and a positive a number.

    Attributes
    ----------
    id, label, source, status : str
        Row, words for it, citation, status.
    minimum_positive_share : float
        Share of the used wells that must be positive.
    cq_below : float
        A well is positive with a Cq below this.
    minimum_copies : float
        Summed copies from which a positive is quantified.
    """

    id: str
    label: str
    minimum_positive_share: float
    cq_below: float
    minimum_copies: float
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WellAssumptions:
    """What is assumed of one well.

    Attributes
    ----------
    technical_sd : float
        Technical standard deviation, cycles, before the run's standards speak.
    technical_sd_weight : float
        Degrees of freedom of that default.
    standard_level_sd : float
        Spread of whole standard levels about the line, cycles.
    standard_level_weight : float
        Degrees of freedom of that default.
    shown_sd_from, shown_sd_most : float
        Mean copies from which disagreeing wells carry the technical sd they show, and its largest value, log10.
    detection_probability : float
        P(one molecule amplifies).
    exact_control_below : float
        Summed control copies below which their error is integrated exactly.
    saturation_above : float
        Ratio above which a control assay that amplifies the target is saturated.
    """

    technical_sd: float
    technical_sd_weight: float
    standard_level_sd: float
    standard_level_weight: float
    shown_sd_from: float
    shown_sd_most: float
    detection_probability: float
    exact_control_below: float
    saturation_above: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSettings:
    """How control charts are set up and learned from.

    Attributes
    ----------
    baseline_runs, minimum_runs, learning_runs : float
        Runs that set mean and sd, runs before a chart is judged, runs before variances are learned.
    default_weight, level_weight : float
        Degrees of freedom of the default against an assay, and of an assay against one level.
    """

    baseline_runs: float
    minimum_runs: float
    learning_runs: float
    default_weight: float
    level_weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WestgardRule:
    """One rule of the multi-rule chart.

    Attributes
    ----------
    id, label, source, status : str
        Row, words for it, citation, status.
    count : int
        Values needed.
    limit_sd : float
        Distance from the mean, in standard deviations.
    scope : {"chart", "chart and run", "run, opposite sides"}
        Where they are counted.
    rejects : bool
        Whether it asks to reject the run, or only warns.
    """

    id: str
    label: str
    count: int
    limit_sd: float
    scope: Literal["chart", "chart and run", "run, opposite sides"]
    rejects: bool
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QpcrRules:
    """The rules of one quantification.

    Attributes
    ----------
    curves, replicates, contamination, positivity : rule rows
        Chosen by id.
    bands : tuple of ControlBands
        All rows; the control gene picks.
    wells : WellAssumptions
        Assumptions.
    charts : ChartSettings
        Control charts.
    westgard : tuple of WestgardRule
        Multi-rule chart.
    version : str
        Versions of the tables, as they are printed.
    """

    curves: CurveGates
    replicates: ReplicateRule
    contamination: ContaminationRule
    positivity: PositivityRule
    bands: tuple[ControlBands, ...]
    wells: WellAssumptions
    charts: ChartSettings
    westgard: tuple[WestgardRule, ...]
    version: str


def _typed(cls: type[R], row: dict[str, Any], table: str) -> R:
    known = {field.name for field in fields(cls)}  # type: ignore[arg-type]  # every R here is a dataclass
    try:
        return cls(**row)
    except TypeError as error:
        raise KnowledgeError(
            where=f"knowledge/{table}.toml, row {row.get('id')}",
            found=str(error),
            needed=", ".join(sorted(known)),
            advice="Mend the table.",
        ) from error


def _row(cls: type[R], table: str, row_id: str) -> R:
    found = {row["id"]: row for row in tables.rows(table)}
    if row_id not in found:
        raise KnowledgeError(
            where=f"knowledge/{table}.toml",
            found=f"no row {row_id!r}",
            needed="one of " + ", ".join(found),
            advice="Name one of these rows.",
        )
    return _typed(cls, found[row_id], table)


def _values(cls: type[R], table: str) -> R:
    known = {field.name for field in fields(cls)}  # type: ignore[arg-type]  # every R here is a dataclass
    return _typed(cls, {row["id"]: row["value"] for row in tables.rows(table) if row["id"] in known}, table)


def curve_gates(row_id: str) -> CurveGates:
    """Gates of a standard curve by row.

    Parameters
    ----------
    row_id : str
        For example ``"eac_2003"``.

    Returns
    -------
    CurveGates
        The row.

    Raises
    ------
    KnowledgeError
        If there is no such row; the message names all.

    Examples
    --------
    >>> gates = curve_gates("eac_2003")
    >>> gates.slope_low, gates.slope_high, gates.r_squared_min
    (-3.6, -3.2, 0.98)
    """
    return _row(CurveGates, "qpcr_curve_gates", row_id)


def control_bands(bands: tuple[ControlBands, ...], control: str) -> ControlBands:
    """Bands of one control gene.

    Parameters
    ----------
    bands : tuple of ControlBands
        Rows to choose from.
    control : str
        Control gene.

    Returns
    -------
    ControlBands
        Its own row, else the row of any gene.
    """
    return next((row for row in bands if row.control == control), None) or next(
        row for row in bands if row.control == "*"
    )


def well_assumptions() -> WellAssumptions:
    """Assumptions about one well.

    Returns
    -------
    WellAssumptions
        Values of ``qpcr_wells.toml``.
    """
    return _values(WellAssumptions, "qpcr_wells")


def chart_settings() -> ChartSettings:
    """Settings of control charts.

    Returns
    -------
    ChartSettings
        Values of ``control_charts.toml``.
    """
    return _values(ChartSettings, "control_charts")


def westgard_rules() -> tuple[WestgardRule, ...]:
    """Rules of the multi-rule chart.

    Returns
    -------
    tuple of WestgardRule
        In the order of ``westgard.toml``.

    Examples
    --------
    >>> [rule.id for rule in westgard_rules() if not rule.rejects]
    ['1_2s']
    """
    return tuple(_typed(WestgardRule, row, "westgard") for row in tables.rows("westgard"))


@functools.cache
def qpcr_rules(
    *,
    curves: str = "eac_2003",
    replicates: str = "poisson_technical",
    contamination: str = "margin",
    positivity: str = "two_of_three",
) -> QpcrRules:
    """The set of rules of one quantification.

    Parameters
    ----------
    curves, replicates, contamination, positivity : str
        Row ids of the four tables.

    Returns
    -------
    QpcrRules
        Typed rows.

    Raises
    ------
    KnowledgeError
        If a row does not exist.

    Examples
    --------
    >>> qpcr_rules().replicates.p_value
    0.01
    """
    return QpcrRules(
        curves=curve_gates(curves),
        replicates=_row(ReplicateRule, "qpcr_replicates", replicates),
        contamination=_row(ContaminationRule, "qpcr_contamination", contamination),
        positivity=_row(PositivityRule, "qpcr_positivity", positivity),
        bands=tuple(
            _typed(ControlBands, row, "qpcr_control_bands") for row in tables.rows("qpcr_control_bands")
        ),
        wells=well_assumptions(),
        charts=chart_settings(),
        westgard=westgard_rules(),
        version=", ".join(
            f"{name} {tables.version(name)}"
            for name in ("qpcr_curve_gates", "qpcr_replicates", "qpcr_contamination", "qpcr_positivity")
        ),
    )


def unverified_rows(rules: QpcrRules, controls: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Rows of a quantification that nobody verified against their source.

    Parameters
    ----------
    rules : QpcrRules
        Rules in use.
    controls : collection of str
        Control genes in use.

    Returns
    -------
    tuple of (str, str)
        Row id and source.

    Examples
    --------
    >>> [row for row, _source in unverified_rows(qpcr_rules(), ["ABL1"])][:2]
    ['eac_2003', 'margin']
    """
    bands = [control_bands(rules.bands, control) for control in sorted(controls)]
    chosen: list[CurveGates | ReplicateRule | ContaminationRule | PositivityRule | ControlBands]
    chosen = [rules.curves, rules.replicates, rules.contamination, rules.positivity, *bands]
    typed = [(row.id, row.source) for row in chosen if row.status == "unverified"]
    values = [
        (row["id"], row["source"]) for row in tables.rows("qpcr_wells") if row["status"] == "unverified"
    ]
    return tuple(dict.fromkeys([*typed, *values]))
