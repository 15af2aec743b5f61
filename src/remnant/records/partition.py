"""Digital PCR as recorded: partitions counted in a well, their amplitudes, and what the plate held.

A file of results holds counts under the instrument's own threshold; a file of amplitudes holds the
fluorescence of every partition and no count, and is gated later. Nothing is interpreted here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from remnant.records.finding import Finding
from remnant.records.measurement import Measurement, WellUse
from remnant.records.run import WellKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Amplitudes", "DigitalQuantified", "DigitalWell", "GateMethod", "Partitions", "PlateWell"]

GateMethod = Literal["instrument", "control", "mixture", "two-colour", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Partitions:
    """Partitions of one well in one channel.

    Attributes
    ----------
    run_id : str
        Run: the plate or chip.
    position : str
        ``"A01"``, or a number where the file has no positions.
    channel : str
        Channel or dye as the file writes it: ``"1"``, ``"FAM"``; the target where it names no channel.
    target : str
        Target as written; empty where the file names none (amplitudes).
    sample : str
        Name in the well; empty where the file names none.
    kind : WellKind
        What the well holds.
    accepted : int
        Partitions that the instrument accepted.
    positives : int or None
        Positive partitions under the instrument's threshold; None where only amplitudes are stored.
    instrument : str
        Family of the instrument, a row of ``knowledge/dpcr.toml``: ``"qx"``, ``"qiacuity"``, ``"absolute_q"``.
    concentration_copies_per_ul : float or None
        The instrument's own result, copies per microlitre of reaction.
    threshold : float or None
        The instrument's threshold, in its units of fluorescence.
    both_positive : int or None
        Partitions positive in both channels of a two-colour well.
    excluded : str or None
        The instrument's or the laboratory's reason for leaving the well out.
    amplitudes_sha256 : str or None
        Original that holds the amplitudes of this well.
    """

    run_id: str
    position: str
    channel: str
    target: str
    sample: str
    kind: WellKind
    accepted: int
    positives: int | None
    instrument: str
    concentration_copies_per_ul: float | None = None
    threshold: float | None = None
    both_positive: int | None = None
    excluded: str | None = None
    amplitudes_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateWell:
    """What the laboratory says that a place of a plate held in one channel.

    Files of amplitudes name neither sample nor target; this is where both come from. Wells of one run with
    the same sample, target and dilution are replicates.

    Attributes
    ----------
    run_id : str
        Run of the plate.
    position : str
        Place on the plate, A1 to AF48.
    channel : str
        Channel as the instrument's file writes it.
    target : str
        Gene or assay in this channel.
    sample : str
        Name in the well: a cDNA, a sample or a control.
    kind : WellKind
        What the well holds.
    cdna_ul : float or None
        Volume of undiluted cDNA in the well, microlitres.
    dilution : float
        Further dilution of the cDNA, 1 for none.
    partition_volume_nl : float or None
        Volume of a partition, nanolitres, where the laboratory knows its own.
    excluded : str or None
        The laboratory's reason for leaving the well out.
    """

    run_id: str
    position: str
    channel: str
    target: str
    sample: str
    kind: WellKind
    cdna_ul: float | None = None
    dilution: float = 1.0
    partition_volume_nl: float | None = None
    excluded: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Amplitudes:
    """Fluorescence of every partition of one well.

    Attributes
    ----------
    run_id, position : str
        The well.
    channels : tuple of str
        Channels that hold values.
    fluorescence : ndarray of float, shape (n_partitions, n_channels)
        As recorded, in the instrument's units.
    """

    run_id: str
    position: str
    channels: tuple[str, ...]
    fluorescence: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalWell:
    """One well and target of a digital PCR, counted, and what became of it.

    Attributes
    ----------
    run_id, position, channel, target, sample, kind : str
        The well.
    gate : {"instrument", "control", "mixture", "two-colour", "none"}
        Where the threshold comes from.
    threshold : float or None
        Threshold that counts a partition as positive.
    positives : int or None
        Positive partitions; None where none could be counted.
    accepted : int
        Accepted partitions.
    lowest_threshold, highest_threshold : float or None
        Range over which the threshold was moved.
    lowest_positives, highest_positives : int or None
        Fewest and most positives over that range.
    state : {"quantified", "detected", "not detected", "not evaluable"}
        Detection state of the well alone.
    copies_per_ul : float or None
        Point value in the reaction, blank subtracted; None unless detected.
    lower, upper : float or None
        95 % interval, volume error included; None unless detected. A saturated well has no upper end; where there
        are too few positives for a number the upper end is that of one more.
    upper_limit : float or None
        One-sided 95 % bound; None if the well is saturated or not evaluable, and of a stained blank.
    volume_nl, volume_cv : float
        Partition volume and its relative error.
    volume_source : str
        Where the volume comes from.
    false_positive_rate : float
        Mean rate a partition from the blanks of the run.
    limit_of_blank_positives : int
        Positives that blanks of this size stay within with 95 % probability.
    limit_of_detection_copies_per_ul : float
        Concentration found above the limit of blank with 95 % probability.
    used : bool
        Whether it enters a measurement.
    decision, reason : str
        ``"used"``, ``"outlier"``, ``"blank"`` ... and one sentence with the numbers.
    exposure : float
        Microlitres of undiluted cDNA, or 1 over the dilution where no volume is stated.
    """

    run_id: str
    position: str
    channel: str
    target: str
    sample: str
    kind: WellKind
    gate: GateMethod
    threshold: float | None
    positives: int | None
    accepted: int
    lowest_threshold: float | None
    highest_threshold: float | None
    lowest_positives: int | None
    highest_positives: int | None
    state: Literal["quantified", "detected", "not detected", "not evaluable"]
    copies_per_ul: float | None
    lower: float | None
    upper: float | None
    upper_limit: float | None
    volume_nl: float
    volume_cv: float
    volume_source: str
    false_positive_rate: float
    limit_of_blank_positives: int
    limit_of_detection_copies_per_ul: float
    used: bool
    decision: str
    reason: str
    exposure: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalQuantified:
    """Result of `remnant.assay.dpcr.quantify_partitions`.

    Attributes
    ----------
    measurements : tuple of Measurement
        One for each assay, run and cDNA.
    wells : tuple of DigitalWell
        One for each well and target that came in, in the same order.
    well_uses : tuple of WellUse
        The same decisions in the form that all platforms share.
    findings : tuple of Finding
        What was noticed.
    """

    measurements: tuple[Measurement, ...]
    wells: tuple[DigitalWell, ...]
    well_uses: tuple[WellUse, ...]
    findings: tuple[Finding, ...]
