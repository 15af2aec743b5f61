"""From amplitudes to counts: one threshold for a run and channel.

The threshold comes from the run's blanks (median and MAD), else from a mixture of two populations with rain, or
from four clusters of two colours where that is asked. How much a count depends on it is part of the
result: the threshold is moved over a stated range and the counts at its ends are kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from remnant.assay.dpcr.wells import NamedWell
from remnant.knowledge.dpcr import GateRule
from remnant.numerics.partition_gates import four_clusters, lift, median_and_mad, populations
from remnant.records.finding import Finding
from remnant.records.partition import Amplitudes, GateMethod

__all__ = ["Count", "Gate", "GateChoice", "gate", "gated"]

Floats = NDArray[np.float64]
GateChoice = Literal["control", "two-colour"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Threshold of one channel of a run.

    Attributes
    ----------
    method : {"control", "mixture", "none"}
        Where it comes from.
    threshold, lowest, highest : float
        Threshold, and the range over which it is moved; NaN if there is none.
    negative, mad : float
        Centre and spread of the negatives.
    """

    method: GateMethod
    threshold: float
    lowest: float
    highest: float
    negative: float
    mad: float


_NO_GATE: Final = Gate(
    method="none", threshold=np.nan, lowest=np.nan, highest=np.nan, negative=np.nan, mad=np.nan
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Positives of one well.

    Attributes
    ----------
    method : GateMethod
        Where the threshold comes from.
    positives : int or None
        Above the threshold; None if there is none.
    threshold : float or None
        Threshold.
    lowest_threshold, highest_threshold : float or None
        Range of the threshold.
    lowest_positives, highest_positives : int or None
        Fewest and most positives over it.
    both_positive : int or None
        Positive in both channels of a two-colour well.
    """

    method: GateMethod
    positives: int | None
    threshold: float | None = None
    lowest_threshold: float | None = None
    highest_threshold: float | None = None
    lowest_positives: int | None = None
    highest_positives: int | None = None
    both_positive: int | None = None


def gate(values: Sequence[Floats], blanks: Sequence[Floats], rule: GateRule) -> Gate:
    """Threshold of one channel.

    Parameters
    ----------
    values : sequence of ndarray of float
        Amplitudes of every well of the run in this channel.
    blanks : sequence of ndarray of float
        Those of its no-template wells.
    rule : GateRule
        Deviations and range.

    Returns
    -------
    Gate
        From the blanks if there are any that spread; else from the mixture of all wells, if it has two populations.

    References
    ----------
    .. [1] Jones et al., J Virol Methods 202, 46-53 (2014), "definetherain": thresholds from the spread of
       the negatives.

    Examples
    --------
    >>> from remnant.knowledge.dpcr import dpcr_rules
    >>> rng = np.random.default_rng(3)
    >>> blank = rng.normal(1000, 40, 5000)
    >>> well = np.concatenate([rng.normal(1000, 40, 4500), rng.normal(4000, 150, 500)])
    >>> got = gate([well, blank], [blank], dpcr_rules().gate)
    >>> got.method, int((well > got.threshold).sum())
    ('control', 500)
    """
    pooled = np.concatenate(values)
    if blanks:
        centre, mad = median_and_mad(np.concatenate(blanks))
        if mad == 0.0:  # more than half of the blanks are one number: rounded, clipped or not measured
            return _NO_GATE
        method: GateMethod = "control"
        threshold = centre + rule.mads * mad
    else:
        found = populations(pooled) if pooled.min() < pooled.max() else None
        if (
            found is None
            or found.positive - found.negative < rule.separation_mads * found.negative_mad
            or found.shares[0] <= 1e-6
        ):
            return _NO_GATE
        centre, mad = found.negative, found.negative_mad
        method = "mixture"
        threshold = max(found.crossing, centre + rule.mads * mad)
    above = pooled[pooled > threshold]
    positive = float(np.median(above)) if len(above) else threshold
    return Gate(
        method=method,
        threshold=threshold,
        lowest=min(threshold, centre + rule.lowest_mads * mad),
        highest=threshold + rule.highest_share * (positive - threshold),
        negative=centre,
        mad=mad,
    )


def gated(
    wells: Sequence[NamedWell],
    amplitudes: Sequence[Amplitudes],
    *,
    rule: GateRule,
    choice: GateChoice = "control",
) -> tuple[dict[int, Count], list[Finding]]:
    """Counts of the wells whose file holds amplitudes.

    Parameters
    ----------
    wells : sequence of NamedWell
        All wells.
    amplitudes : sequence of Amplitudes
        Fluorescence of some of them.
    rule : GateRule
        Gate.
    choice : {"control", "two-colour"}, default "control"
        Whether two-colour wells are parted into four clusters in place of a threshold a channel.

    Returns
    -------
    counts : dict of int to Count
        By index of the well.
    findings : list of Finding
        Gates without blanks, counts that depend on the threshold, wells whose negatives are elsewhere.
    """
    held = {(one.run_id, one.position): one for one in amplitudes}
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, well in enumerate(wells):
        if well.part.positives is None:
            groups[well.part.run_id, well.part.channel].append(i)
    counts: dict[int, Count] = {}
    findings: list[Finding] = []
    gates: dict[tuple[str, str], Gate] = {}
    for key, rows in groups.items():
        values = {i: column for i in rows if (column := _column(held, wells[i])) is not None}
        if not values:
            continue
        blanks = {i: values[i] for i in values if wells[i].part.kind == "ntc" and not wells[i].part.excluded}
        negative = _negative(values, blanks, rule)
        found = gate(list(values.values()), [values[i] for i in negative], rule)
        gates[key] = found
        counts |= {i: _count(column, found) for i, column in values.items()}
        own = {i: counts[i] for i in values}
        findings += _gate_findings(key, wells, found, counts=own, rule=rule, blanks=bool(negative))
        findings += _not_negative(key, [wells[i].part.position for i in blanks if i not in negative])
        findings += _shifted(wells, values, found)
    for run in _two_colours(groups, held, gates):
        if choice == "two-colour":
            clustered, bleeding = _clusters(wells, groups, run)
            counts |= clustered
        else:
            bleeding = _lifted(run, run.values)
        findings += _crosstalk(run, bleeding, choice=choice)
    return counts, findings


def _negative(values: Mapping[int, Floats], blanks: Mapping[int, Floats], rule: GateRule) -> list[int]:
    """Blanks that stand where blanks must: with the lowest of them, and not above the negatives of most wells."""
    if not blanks:
        return []
    centre, mad = median_and_mad(blanks[min(blanks, key=lambda i: float(np.median(blanks[i])))])
    if mad == 0.0:
        return list(blanks)
    reach = rule.mads * mad
    under = [float((column < centre - reach).mean()) > rule.stray_share for column in values.values()]
    if 2 * sum(under) > len(under):
        return []
    return [i for i, column in blanks.items() if float(np.median(column)) <= centre + reach]


def _not_negative(key: tuple[str, str], positions: Sequence[str]) -> list[Finding]:
    if not positions:
        return []
    run_id, channel = key
    return [
        Finding(
            code="dpcr.blank_not_negative",
            severity="failure",
            subject=f"run {run_id}",
            message=f"Blanks stand among the positives of channel {channel}: {', '.join(positions[:10])}. They set no threshold.",
            advice="Look for a swapped or contaminated well, or a plate layout that is moved by a column.",
        )
    ]


def _column(held: Mapping[tuple[str, str], Amplitudes], well: NamedWell) -> Floats | None:
    one = held.get((well.part.run_id, well.part.position))
    if one is None or well.part.channel not in one.channels:
        return None
    return one.fluorescence[:, one.channels.index(well.part.channel)]


def _count(values: Floats, found: Gate) -> Count:
    if found.method == "none":
        return Count(method="none", positives=None)
    return Count(
        method=found.method,
        positives=int((values > found.threshold).sum()),
        threshold=found.threshold,
        lowest_threshold=found.lowest,
        highest_threshold=found.highest,
        lowest_positives=int((values > found.highest).sum()),
        highest_positives=int((values > found.lowest).sum()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _TwoColours:
    """Amplitudes of a run with two channels and a threshold for each."""

    run_id: str
    channels: tuple[str, str]
    limits: tuple[float, float]
    negative: tuple[float, float]
    values: Mapping[str, Floats]


def _two_colours(
    groups: Mapping[tuple[str, str], Sequence[int]],
    held: Mapping[tuple[str, str], Amplitudes],
    gates: Mapping[tuple[str, str], Gate],
) -> list[_TwoColours]:
    found = []
    for run_id in dict.fromkeys(run for run, _ in groups):
        channels = [channel for run, channel in groups if run == run_id]
        known = [gates[run_id, c] for c in channels if (run_id, c) in gates]
        if len(channels) != 2 or len(known) != 2 or any(one.method == "none" for one in known):
            continue
        first, second = channels
        values = {
            one.position: _pair(one, first, second)
            for (run, _), one in held.items()
            if run == run_id and {first, second} <= set(one.channels)
        }
        if values:
            found.append(
                _TwoColours(
                    run_id=run_id,
                    channels=(first, second),
                    limits=(known[0].threshold, known[1].threshold),
                    negative=(known[0].negative, known[1].negative),
                    values=values,
                )
            )
    return found


def _clusters(
    wells: Sequence[NamedWell], groups: Mapping[tuple[str, str], Sequence[int]], run: _TwoColours
) -> tuple[dict[int, Count], dict[int, list[str]]]:
    """Counts of a two-colour run from four clusters of all its wells, and wells whose colours still bleed."""
    counts: dict[int, Count] = {}
    found = four_clusters(list(run.values.values()), run.limits)
    cells = {position: found.counts(pair) for position, pair in run.values.items()}
    for channel, colours in zip(run.channels, ((1, 3), (2, 3)), strict=True):
        for i in groups[run.run_id, channel]:
            cell = cells.get(wells[i].part.position)
            if cell is not None:
                k = int(cell[list(colours)].sum())
                counts[i] = Count(method="two-colour", positives=k, both_positive=int(cell[3]))
    apart = {position: found.apart(pair) + found.negative for position, pair in run.values.items()}
    return counts, _lifted(run, apart)


def _lifted(run: _TwoColours, values: Mapping[str, Floats]) -> dict[int, list[str]]:
    """By channel: wells in which the other colour lifts the negatives half of the way to the threshold."""
    limits = np.array(run.limits)
    half = 0.5 * (limits - np.array(run.negative))
    return {
        i: [
            position
            for position, pair in values.items()
            if (lifted := lift(pair, limits, i)) is not None and abs(lifted) > half[i]
        ]
        for i in (0, 1)
    }


def _crosstalk(run: _TwoColours, bleeding: Mapping[int, list[str]], *, choice: GateChoice) -> list[Finding]:
    return [
        Finding(
            code="dpcr.crosstalk",
            severity="warning",
            subject=f"run {run.run_id}",
            message=f"In {len(positions)} wells the partitions positive in channel {run.channels[1 - i]} stand higher in channel {run.channels[i]} too, by more than half of the way to its threshold: the colour bleeds, or the two targets share molecules: {', '.join(positions[:10])}.",
            advice='Choose the gate "two-colour", or compensate the colours on the instrument.'
            if choice == "control"
            else "Compensate the colours on the instrument and export again.",
        )
        for i, positions in bleeding.items()
        if positions
    ]


def _pair(one: Amplitudes, first: str, second: str) -> Floats:
    return one.fluorescence[:, [one.channels.index(first), one.channels.index(second)]]


def _gate_findings(
    key: tuple[str, str],
    wells: Sequence[NamedWell],
    found: Gate,
    *,
    counts: Mapping[int, Count],
    rule: GateRule,
    blanks: bool,
) -> list[Finding]:
    run_id, channel = key
    if found.method == "none":
        return [
            Finding(
                code="dpcr.no_gate",
                severity="failure",
                subject=f"run {run_id}",
                message=f"Channel {channel} has {'blanks without spread' if blanks else 'no blank and one population only'}: no threshold can be set.",
                advice="Export the amplitudes again without rounding, or the instrument's own results."
                if blanks
                else "Run no-template wells, or export the instrument's own results.",
            )
        ]
    findings = []
    if found.method == "mixture":
        findings.append(
            Finding(
                code="dpcr.gate_without_control",
                severity="warning",
                subject=f"run {run_id}",
                message=f"Channel {channel} has no no-template well that can set a threshold: {found.threshold:.0f} comes from two populations in the wells themselves.",
                advice="Run no-template wells on every plate.",
            )
        )
    sensitive = [
        f"{wells[i].part.position} ({one.lowest_positives} to {one.highest_positives})"
        for i, one in counts.items()
        if (one.highest_positives or 0) > rule.sensitive_above * max(one.lowest_positives or 0, 1)
        and wells[i].part.kind != "ntc"
    ]
    if sensitive:
        findings.append(
            Finding(
                code="dpcr.gate_sensitive",
                severity="note",
                subject=f"run {run_id}",
                message=f"Between thresholds {found.lowest:.0f} and {found.highest:.0f} of channel {channel} the positives change by more than {rule.sensitive_above:g}-fold in {len(sensitive)} wells: {', '.join(sensitive[:10])}.",
                advice="Look at the amplitudes of these wells.",
            )
        )
    return findings


def _shifted(wells: Sequence[NamedWell], values: Mapping[int, Floats], found: Gate) -> list[Finding]:
    """Wells whose own negatives reach half of the way from those of the blanks to the threshold."""
    if found.method == "none":
        return []
    findings = []
    half = 0.5 * (found.threshold - found.negative)
    for i, column in values.items():
        below = column[column < found.highest]
        centre = float(np.median(below)) if len(below) else found.negative
        if abs(centre - found.negative) > half:
            part = wells[i].part
            findings.append(
                Finding(
                    code="dpcr.baseline_shift",
                    severity="warning",
                    subject=f"well {part.run_id}:{part.position}",
                    message=f"Its negatives stand at {centre:.0f}, those of the run at {found.negative:.0f}, the threshold at {found.threshold:.0f}: the threshold cuts into them.",
                    advice="Look at the amplitudes of this well; its count is not to be trusted.",
                )
            )
    return findings
