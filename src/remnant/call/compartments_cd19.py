"""CD19 on the leukaemic cells, and what its negative part is.

Two losses look alike in the cytometer. In one the blasts lost CD19 and kept their IG/TR rearrangement; in
the other CD19-negative cells carry BCR-ABL1 without the rearrangement: the clone's own stem or progenitor
cells, the escape of study B. Fractions measured by both markers tell them
apart, IG/TR of carried-over blasts taken off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from remnant.errors import MeasurementError
from remnant.knowledge.compartments import compartment, known_compartment
from remnant.knowledge.fish import fish_row
from remnant.numerics.proportions import clopper_pearson
from remnant.records.fish import AntigenCount, Cd19Status, CompartmentCall, FractionMarker

__all__ = ["cd19_status"]

State = Literal["CD19 positive", "CD19 dim", "CD19 mosaic", "CD19 negative"]
Escape = Literal["CD19 lost, IG/TR kept", "CD19-negative, IG/TR absent, BCR-ABL1 present", "none", "unknown"]
_FOUND = frozenset({"positive", "strongly positive"})


def cd19_status(
    counts: Sequence[AntigenCount],
    *,
    patient_id: str,
    calls: Sequence[CompartmentCall] = (),
    markers: Sequence[FractionMarker] = (),
) -> tuple[Cd19Status, ...]:
    """CD19 status of every clone of one sample.

    Parameters
    ----------
    counts : sequence of AntigenCount
        Cells by intensity class; other antigens are passed over.
    patient_id : str
        Laboratory code.
    calls : sequence of CompartmentCall, default ()
        FISH of the sample's fractions.
    markers : sequence of FractionMarker, default ()
        IG/TR of the same fractions.

    Returns
    -------
    tuple of Cd19Status
        One a clone, in the order of the counts.

    Raises
    ------
    MeasurementError
        If an intensity class stands twice, a count is negative, or a clone has no cells.

    Examples
    --------
    >>> cells = [AntigenCount(sample_id="S1", clone="blasts", antigen="CD19", intensity=name, cells=n)
    ...          for name, n in (("negative", 970), ("dim", 20), ("positive", 10))]
    >>> status, = cd19_status(cells, patient_id="P1")
    >>> status.state, round(status.negative_share, 2), status.escape
    ('CD19 negative', 0.97, 'unknown')
    """
    clones: dict[tuple[str, str], dict[str, int]] = {}
    problems = []
    for count in counts:
        if count.antigen.upper() != "CD19":
            continue
        mine = clones.setdefault((count.sample_id, count.clone), {})
        if count.intensity in mine or count.cells < 0:
            problems.append(f"sample {count.sample_id}, {count.clone}: {count.cells} cells {count.intensity}")
        mine[count.intensity] = count.cells
    problems += [f"sample {s}, {c}: no cells" for (s, c), mine in clones.items() if sum(mine.values()) <= 0]
    if problems:
        raise MeasurementError(
            where="CD19 intensity classes",
            found=problems[0],
            needed="each class once, at least one cell",
            advice="Correct the table.",
            problems=problems[1:],
        )
    return tuple(
        _status(patient_id, sample, clone, mine, escape=_escape(sample, calls, markers))
        for (sample, clone), mine in clones.items()
    )


def _status(
    patient_id: str, sample: str, clone: str, cells: dict[str, int], *, escape: tuple[Escape, str]
) -> Cd19Status:
    row = fish_row("cd19")
    negative, dim, positive = (cells.get(name, 0) for name in ("negative", "dim", "positive"))
    total = negative + dim + positive
    lower, upper = clopper_pearson(negative, total)
    share = negative / total
    state: State
    if share > row["mosaic_high"]:
        state = "CD19 negative"
    elif share >= row["mosaic_low"]:
        state = "CD19 mosaic"
    else:
        state = "CD19 dim" if dim > positive else "CD19 positive"
    found, why = escape if state in {"CD19 negative", "CD19 mosaic"} else ("none", "No CD19-negative part")
    return Cd19Status(
        patient_id=patient_id,
        sample_id=sample,
        clone=clone,
        cells=total,
        negative=negative,
        dim=dim,
        positive=positive,
        negative_share=share,
        negative_lower=float(lower),
        negative_upper=float(upper),
        state=state,
        escape=found,
        reason=f"{negative} of {total} cells without CD19, {dim} dim. {why}.",
    )


def _escape(
    sample: str, calls: Sequence[CompartmentCall], markers: Sequence[FractionMarker]
) -> tuple[Escape, str]:
    """What fusion-positive cells outside CD19+ gates are, by IG/TR of the same fractions."""
    row = fish_row("cd19")
    clonotypes = {m.fraction_id: m for m in markers if m.marker == "IG/TR"}
    mine = [call for call in calls if call.sample_id == sample and known_compartment(call.compartment)]
    blasts = max((c.fraction for c in mine if compartment(c.compartment).lineage == "b"), default=1.0)
    kept, absent = [], []
    for call in mine:
        marker = clonotypes.get(call.fraction_id)
        outside = compartment(call.compartment).lineage != "b"
        if not outside or call.verdict not in _FOUND or marker is None:
            continue
        carried = (1.0 - (call.purity if call.purity is not None else 1.0)) * blasts
        noise = 10.0 ** (2.0 * (marker.sd_log10 or row["sd_log10"]))
        explained = max(carried * noise, row["absent_share"] * call.fraction)
        highest = marker.share if marker.share is not None else marker.upper_limit
        if highest is not None and highest <= explained:
            absent.append(call.compartment)
        elif marker.share is not None and marker.share >= row["kept_share"] * call.fraction:
            kept.append(call.compartment)
    if absent and not kept:
        return (
            "CD19-negative, IG/TR absent, BCR-ABL1 present",
            f"BCR-ABL1 without IG/TR in {', '.join(absent)}: precursors of the same clone",
        )
    if kept and not absent:
        return "CD19 lost, IG/TR kept", f"BCR-ABL1 with IG/TR in {', '.join(kept)}: blasts that lost CD19"
    why = (
        "Fractions contradict each other" if kept else "No fusion-positive CD19-negative fraction with IG/TR"
    )
    return "unknown", why
