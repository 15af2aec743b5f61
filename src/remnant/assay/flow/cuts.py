"""Where an antigen's positive begins in one tube: measured against reference cells of the same tube.

Reference cells are picked by splitting axes in two at Otsu's threshold, one after the other; a cut is the
reference's median plus or minus a number of robust standard deviations (1.4826 times the median absolute
deviation). At most 200,000 evenly spaced events are looked at, so that cuts cost the same for any file.

References
----------
.. [1] Otsu, A threshold selection method from gray-level histograms, IEEE Transactions on Systems, Man and
   Cybernetics 9, 62-66 (1979).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.assay.flow.counting import axis_values
from remnant.assay.flow.panels import antigen_axis
from remnant.assay.flow.scales import inverse
from remnant.knowledge.gates import CutRule, GateDefinitions
from remnant.records.finding import Finding
from remnant.records.flow import Events, MarkerCut

__all__ = ["fitted_cuts", "otsu"]

Floats = NDArray[np.float64]

_EVENTS: Final = 200_000
_BINS: Final = 256
_MAD: Final = 1.4826


def otsu(values: Floats) -> float:
    """Split of values in two with the least variance within both sides.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        Values; those beyond the 0.1st and 99.9th percentile count as these.

    Returns
    -------
    float
        Threshold; the median where all values are one.

    Examples
    --------
    >>> 0.2 < otsu(np.array([0.0, 0.1, 0.2, 5.0, 5.1, 5.2])) < 5.0
    True
    """
    low, high = np.percentile(values, [0.1, 99.9])
    if not high > low:
        return float(np.median(values))
    counts, edges = np.histogram(np.clip(values, low, high), bins=_BINS, range=(low, high))
    middle = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    sums = np.cumsum(counts * middle)
    above = len(values) - below
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = sums[:-1] / below - (sums[-1] - sums[:-1]) / above
        between = np.where((below > 0) & (above > 0), below * above * distance**2, -1.0)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-12))
    return float((edges[best[0] + 1] + edges[best[-1] + 1]) / 2)


def fitted_cuts(
    events: Events,
    channels: Mapping[str, str],
    *,
    antigens: Iterable[str],
    definitions: GateDefinitions,
) -> tuple[dict[str, MarkerCut], tuple[Finding, ...]]:
    """Cuts of antigens in one tube.

    Parameters
    ----------
    events : Events
        Data set.
    channels : mapping of str to str
        Antigen to channel, from `checked_panel`.
    antigens : iterable of str
        Antigens wanted.
    definitions : GateDefinitions
        Rules.

    Returns
    -------
    cuts : dict of str to MarkerCut
        By antigen; those without a rule, or with too few reference cells, are left out.
    findings : tuple of Finding
        Why.
    """
    wanted = [antigen for antigen in dict.fromkeys(antigens) if antigen in channels]
    values = _values(events, channels, definitions, wanted)
    picked: dict[str, NDArray[np.bool_]] = {}
    cuts: dict[str, MarkerCut] = {}
    findings: list[Finding] = []
    for antigen in wanted:
        rule = definitions.cuts.get(antigen)
        if rule is None:
            findings.append(_no_cut(events, antigen, "no rule says where its positive begins"))
            continue
        if rule.reference not in picked:
            picked[rule.reference] = _picked(rule.reference, values, definitions, cuts)
        chosen = values[antigen][picked[rule.reference]]
        chosen = chosen[np.isfinite(chosen)]
        if len(chosen) < definitions.fewest_reference_events:
            findings.append(_no_cut(events, antigen, f"{len(chosen)} cells of {rule.reference}"))
        else:
            cuts[antigen] = _cut(events, antigen, channels[antigen], rule=rule, chosen=chosen)
    return cuts, tuple(findings)


def _no_cut(events: Events, antigen: str, why: str) -> Finding:
    return Finding(
        code="flow.no_cut",
        severity="warning",
        subject=f"file {events.tube.file}",
        message=f"{antigen} has no cut: {why}. Compartments that need it are not evaluable.",
        found=why,
    )


def _values(
    events: Events, channels: Mapping[str, str], definitions: GateDefinitions, wanted: list[str]
) -> dict[str, Floats]:
    references = {definitions.cuts[a].reference for a in wanted if a in definitions.cuts}
    split_on = [axis for r in references for axis, _ in definitions.references[r].splits]
    names = [name for name in dict.fromkeys([*wanted, *split_on]) if name in channels]
    step = -(-events.tube.events // _EVENTS) or 1
    where = np.zeros(events.tube.events, dtype=bool)
    where[::step] = True
    axes = [antigen_axis(channels[name], events.tube) for name in names]
    made = axis_values(events, axes, where=where)
    return {name: made[:, place] for place, name in enumerate(names)}


def _picked(
    reference: str, values: Mapping[str, Floats], definitions: GateDefinitions, cuts: Mapping[str, MarkerCut]
) -> NDArray[np.bool_]:
    length = len(next(iter(values.values())))
    kept = np.ones(length, dtype=bool)
    for axis, side in definitions.references[reference].splits:
        if side == "positive":
            kept &= values[axis] >= cuts[axis].value if axis in cuts else False
        elif axis in values and kept.any():
            threshold = otsu(values[axis][kept])
            kept &= values[axis] >= threshold if side == "high" else values[axis] < threshold
    return kept


def _cut(events: Events, antigen: str, channel: str, *, rule: CutRule, chosen: Floats) -> MarkerCut:
    median = float(np.median(chosen))
    spread = _MAD * float(np.median(np.abs(chosen - median)))
    if rule.side == "between":
        value = otsu(chosen)
    else:
        value = median + (rule.z if rule.side == "above" else -rule.z) * spread
    scale = antigen_axis(channel, events.tube).scale
    return MarkerCut(
        antigen=antigen,
        channel=channel,
        state="positive",
        value=value,
        linear_value=float(inverse(scale, np.array([value]))[0]),
        reference=rule.reference,
        reference_events=len(chosen),
        reference_median=median,
        reference_sd=spread,
        rule_id=rule.rule_id,
    )
