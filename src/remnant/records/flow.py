"""Cytometry: tubes, events, counts, and what is said about residual cells.

A `Tube` says what a data set of an FCS file is; its `Events` are views of the stored bytes, one array a
channel, never copied and never transformed. Counts are whole events; shares are plain fractions of the
named denominator (0.0001 is 0.01 %).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from remnant.evidence.kinds import CountsEvidence, ProfileEvidence
from remnant.records.antigen_loss import AntigenLoss
from remnant.records.finding import Finding
from remnant.records.gate import SpectrumMatrix
from remnant.records.measurement import DetectionState

__all__ = [
    "Channel",
    "CutSensitivity",
    "DensityGrid",
    "Events",
    "FlowResult",
    "GateCount",
    "MarkerCut",
    "MrdStatement",
    "PanelChannel",
    "PanelEntry",
    "ReferenceTube",
    "SortPurityEstimate",
    "Sufficiency",
    "Tube",
    "TubeRole",
    "TubeUse",
]

TubeRole = Literal["sample", "control", "re-analysis", "index sort"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One parameter of a data set.

    Attributes
    ----------
    name : str
        ``$PnN``, made unique within the data set.
    label : str
        ``$PnS``, usually the antigen; empty if not given.
    bits : int
        Width as stored.
    top : float
        ``$PnR``.
    gain : float
        ``$PnG``; stored values are divided by it, except time.
    log_decades, log_offset : float
        ``$PnE``: stored values of a logarithmic amplifier are raised back; 0 decades is linear.
    """

    name: str
    label: str
    bits: int
    top: float
    gain: float = 1.0
    log_decades: float = 0.0
    log_offset: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tube:
    """One data set of an FCS file.

    Attributes
    ----------
    file : str
        File name without folders.
    data_set : int
        Number within the file, from 1.
    version : str
        For example ``"3.1"``.
    events : int
        Events stored.
    channels : tuple of Channel
        In file order.
    spillover : SpectrumMatrix or None
        Matrix of the file, named ``"FCS"``.
    acquired_on : datetime.date or None
        ``$DATE``.
    instrument, tube_name : str
        As written; empty if not given.
    time_step_seconds : float
        ``$TIMESTEP``; 1 if not given.
    """

    file: str
    data_set: int
    version: str
    events: int
    channels: tuple[Channel, ...]
    spillover: SpectrumMatrix | None = None
    acquired_on: dt.date | None = None
    instrument: str = ""
    tube_name: str = ""
    time_step_seconds: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Stored values of a data set, as views of the file.

    Attributes
    ----------
    tube : Tube
        What the columns are.
    columns : tuple of ndarray, each of shape (n_events,)
        One a channel, in the stored number type and byte order.
    masks : tuple of (int or None)
        Bits that count of an integer channel; None for all.
    keywords : mapping of str to str
        Text segment, upper-case keys.
    findings : tuple of Finding
        Repairs and oddities of this data set.
    """

    tube: Tube
    columns: tuple[NDArray[Any], ...]
    masks: tuple[int | None, ...]
    keywords: Mapping[str, str]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelChannel:
    """Which antigen a channel measures.

    Attributes
    ----------
    channel : str
        ``$PnN``.
    antigen : str
        For example ``"CD34"``; scatter keeps its own name.
    clone : str
        Antibody clone; empty if unknown.
    """

    channel: str
    antigen: str
    clone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelEntry:
    """One line of the laboratory's panels: which antigen a channel measures, where and when.

    Attributes
    ----------
    panel : str
        Name of the panel, for example ``"B-ALL MRD 1"``.
    channel : str
        Channel as the cytometer writes it, $PnN, for example ``"PE-Cy7-A"``.
    antigen : str
        Antigen, for example ``"CD19"``.
    clone : str
        Antibody clone; empty if unknown.
    instrument : str or None
        Cytometer it holds for, as its files say ($CYT); empty for any.
    valid_from, valid_until : datetime.date or None
        First and last day of acquisition; empty for no bound.
    """

    panel: str
    channel: str
    antigen: str
    clone: str = ""
    instrument: str | None = None
    valid_from: dt.date | None = None
    valid_until: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TubeUse:
    """What one cytometry file was acquired for.

    Attributes
    ----------
    file : str
        Name of the FCS file, as it is imported.
    sample_id : str
        Sample in the tube; the donor's for a control.
    panel : str or None
        Panel it was stained with; empty for the labels of the file itself.
    role : {"sample", "control", "re-analysis", "index sort"}
        What it is: cells of a patient, a marrow without disease, or sorted cells measured again. A tube of
        a donor's or control's sample is a control.
    gate : str or None
        Compartment whose events are residual cells; empty if no statement is wanted.
    fraction_id : str or None
        Sorted fraction of a re-analysis or index sort.
    data_set : int
        Data set of the file, from 1.
    """

    file: str
    sample_id: str
    panel: str | None = None
    role: TubeRole = "sample"
    gate: str | None = None
    fraction_id: str | None = None
    data_set: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCount:
    """Events of one gate.

    Attributes
    ----------
    gate : str
        Name.
    path : tuple of str
        Parents from the root to the gate itself.
    events : int
        Events inside, parents included.
    parent_events : int
        Events of the parent; all events for a gate without one.
    cd45_low_events : int
        Events inside that lie below the tube's cut of CD45, as blasts with dim CD45 do; 0 where there is no cut.
    """

    gate: str
    path: tuple[str, ...]
    events: int
    parent_events: int
    cd45_low_events: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerCut:
    """Where an antigen's positive begins in one tube, and what it was measured against.

    Attributes
    ----------
    antigen, channel : str
        What is cut.
    state : str
        Level whose lower edge this is, for example ``"positive"``.
    value : float
        On the axis' scale.
    linear_value : float
        The same in linear, compensated units.
    reference : str
        Reference population, by its row.
    reference_events : int
        Its events.
    reference_median, reference_sd : float
        Median and robust standard deviation on the scale.
    rule_id : str
        Row of `knowledge`.
    """

    antigen: str
    channel: str
    state: str
    value: float
    linear_value: float
    reference: str
    reference_events: int
    reference_median: float
    reference_sd: float
    rule_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CutSensitivity:
    """What becomes of a compartment's count when one cut is moved.

    Attributes
    ----------
    compartment : str
        Compartment.
    antigen : str
        Cut that is moved.
    shifts : tuple of float
        Moves on the axis' scale.
    events : tuple of int
        Count at each.
    """

    compartment: str
    antigen: str
    shifts: tuple[float, ...]
    events: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityGrid:
    """Events binned on two axes, for drawing.

    Attributes
    ----------
    x_name, y_name : str
        Axis titles.
    x_low, x_high, y_low, y_high : float
        Range of the bins on the scales.
    counts : tuple of tuple of int
        Rows from low to high y.
    """

    x_name: str
    y_name: str
    x_low: float
    x_high: float
    y_low: float
    y_high: float
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceTube:
    """What the same gate catches in a tube without disease.

    Attributes
    ----------
    name : str
        Laboratory code of the control.
    events : int
        Events in the gate.
    denominator : int
        Events of the denominator.
    """

    name: str
    events: int
    denominator: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sufficiency:
    """Whether enough cells were acquired, by one rule.

    Attributes
    ----------
    rule_id : str
        Row of `knowledge`.
    what : str
        What is counted.
    found, needed : int
        Events.
    met : bool
        Whether found is at least needed.
    source, status : str
        As in the row.
    """

    rule_id: str
    what: str
    found: int
    needed: int
    met: bool
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MrdStatement:
    """What may be said of residual cells in one tube.

    Attributes
    ----------
    gate : str
        Gate that holds the suspect cells.
    denominator_name : str
        What they are a share of, for example ``"CD45+"``.
    k, n : int
        Events in the gate, and of the denominator.
    share : float or None
        k / n; None where nothing was counted.
    estimate : float or None
        Share above background, corrected for recall, by maximum likelihood; None unless detected.
    lower : float or None
        Lower end of the interval of the share above background; None unless detected, and only then.
    upper : float
        Upper end of the same interval; where nothing was detected, the bound that was reached.
    interval_level : float
        Least coverage of the interval at every true share.
    interval_basis : str
        How it was made: ``"unified (Feldman-Cousins)"``.
    evidence : CountsEvidence or ProfileEvidence
        Likelihood of the share above background; tabulated where the background varies between controls.
    background : float
        Share that the gate catches in controls.
    background_dispersion : float
        Extra variance between controls.
    background_basis : str
        From how many controls, or that none was given.
    limit_of_blank_events : int
        95th percentile of what the controls' distribution gives among n.
    limit_of_blank, limit_of_detection, limit_of_quantification : float
        Shares at this n.
    limit_of_detection_basis, limit_of_quantification_basis : str
        Which of counting and background sets them.
    sufficiency : tuple of Sufficiency
        By rule set.
    state : DetectionState
        Detection state.
    reason : str
        Why, in one sentence.
    negative_allowed : tuple of str
        Rules by which this tube may be called negative; empty if it may not.
    haemodilution : {"suspected", "not seen", "not assessed"}
        Whether marrow is diluted by blood.
    haemodilution_basis : str
        What was compared.
    findings : tuple of Finding
        What lowers trust.
    """

    gate: str
    denominator_name: str
    k: int
    n: int
    share: float | None
    estimate: float | None
    lower: float | None
    upper: float
    interval_level: float
    interval_basis: str
    evidence: CountsEvidence | ProfileEvidence
    background: float
    background_dispersion: float
    background_basis: str
    limit_of_blank_events: int
    limit_of_blank: float
    limit_of_detection: float
    limit_of_quantification: float
    limit_of_detection_basis: str
    limit_of_quantification_basis: str
    sufficiency: tuple[Sufficiency, ...]
    state: DetectionState
    reason: str
    negative_allowed: tuple[str, ...]
    haemodilution: Literal["suspected", "not seen", "not assessed"]
    haemodilution_basis: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SortPurityEstimate:
    """What a sorted fraction really holds, from its re-analysis.

    Attributes
    ----------
    compartment : str
        Compartment that was to be sorted.
    compartments : tuple of str
        Compartments that were looked for; the last is ``"other"``.
    counts : tuple of int
        Re-analysed events in each.
    purity : float
        Share of the wanted compartment.
    lower, upper : float
        95 % interval, Jeffreys.
    """

    compartment: str
    compartments: tuple[str, ...]
    counts: tuple[int, ...]
    purity: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowResult:
    """What one tube of a study gave.

    Attributes
    ----------
    file : str
        Name of the FCS file.
    data_set : int
        Data set, from 1.
    sha256 : str
        Hash of the file.
    sample_id : str
        Sample in the tube.
    role : {"sample", "control", "re-analysis", "index sort"}
        What it is.
    panel : str
        Panel it was stained with; empty for the labels of the file.
    events : int
        Events in the tube.
    version : str
        Version of the definitions of compartments.
    counts : tuple of GateCount
        Compartments.
    cuts : tuple of MarkerCut
        Where each antigen's positive begins.
    sensitivity : tuple of CutSensitivity
        Compartments with each cut moved.
    statement : MrdStatement or None
        Residual cells, where a gate was named.
    purity : SortPurityEstimate or None
        What a sorted fraction holds.
    fraction_id : str or None
        That fraction.
    antigen_loss : AntigenLoss or None
        CD19 of its blasts against the patient's earlier tube, where both hold blasts.
    """

    file: str
    data_set: int
    sha256: str
    sample_id: str
    role: TubeRole
    panel: str
    events: int
    version: str
    counts: tuple[GateCount, ...]
    cuts: tuple[MarkerCut, ...] = ()
    sensitivity: tuple[CutSensitivity, ...] = ()
    statement: MrdStatement | None = None
    purity: SortPurityEstimate | None = None
    fraction_id: str | None = None
    antigen_loss: AntigenLoss | None = None
