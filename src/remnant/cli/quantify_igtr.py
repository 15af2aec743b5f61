"""Wells of IG/TR assays in one file: curve, range, sensitivity and both interpretations, without a study."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args

import numpy as np
from rich.console import RenderableType

from remnant.assay.igtr.instrument import with_instrument_cqs
from remnant.assay.igtr.measure import igtr_rows, interpretation, plate_evidence, plate_record
from remnant.assay.igtr.plates import Plate, read_plates
from remnant.cli.answer import Answer
from remnant.cli.printed import listed
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.verbs import interval, upper_limit
from remnant.knowledge.igtr import IgTrAssumptions, Profile, igtr_assumptions
from remnant.knowledge.rules import RuleRow
from remnant.records.acquired import Acquired
from remnant.records.codec import to_dict
from remnant.units import number_text

__all__ = ["igtr_answer"]

_NOTE: Final = (
    "Shares are relative to the diagnosis DNA; the interval is the likelihood of the wells with the background of the "
    "polyclonal ones, without the errors of run and DNA input that a study adds."
)


def igtr_answer(acquired: Acquired) -> Answer:
    """What the IG/TR wells of a file say.

    Parameters
    ----------
    acquired : Acquired
        The file.

    Returns
    -------
    Answer
        One entry a sample: what it was read against, the verdict of each profile, and the likelihood's interval of this
        plate alone.
    """
    rows, assumed = igtr_rows(), igtr_assumptions()
    joined = with_instrument_cqs(acquired.igtr_wells, acquired.wells)
    findings = (*acquired.findings, *joined.findings)
    plates = read_plates(joined.wells, rows=rows, assumed=assumed)
    entries = [entry for plate in plates for entry in _entries(plate, rows, assumed)]
    columns = ("sample", "rearrangement", "Ct of the wells", *get_args(Profile), "share of cells (95 %)")
    shown: tuple[RenderableType, ...] = (
        *(_said(plate) for plate in plates),
        "",
        listed(columns, (_cells(entry) for entry in entries)),
        "",
        *(f"{one.severity}: {one.message} {one.advice or ''}".rstrip() for one in joined.findings),
        _NOTE,
    )
    return Answer(data={"samples": entries, "findings": findings}, shown=shown)


def _entries(plate: Plate, rows: tuple[RuleRow, ...], assumed: IgTrAssumptions) -> Iterator[dict[str, Any]]:
    for name in plate.samples:
        readings = [interpretation(plate, name, profile=one, rows=rows) for one in get_args(Profile)]
        found = to_dict(plate_record(plate, name, ""))
        found["verdicts"] = {one.profile: one.verdict for one in readings}
        found["reasons"] = {one.profile: one.reason for one in readings}
        if not plate.obstacle:
            batch = EvidenceBatch.of([plate_evidence(plate, name, assumed=assumed)])
            own = interval(batch)
            found["median"], found["lower"], found["upper"] = (
                float(column[0]) for column in (own.median, own.lower, own.upper)
            )
            found["upper_limit"] = float(np.asarray(upper_limit(batch))[0])
        yield found


def _cells(entry: dict[str, Any]) -> tuple[str, ...]:
    wells = ", ".join("none" if ct is None else f"{ct:.1f}" for ct in entry["wells"])
    verdicts = entry["verdicts"]
    if "median" not in entry:
        share = "not evaluable"
    elif set(verdicts.values()) == {"negative"}:
        share = f"< {number_text(entry['upper_limit'])}"
    else:
        share = (
            f"{number_text(entry['median'])} ({number_text(entry['lower'])} to {number_text(entry['upper'])})"
        )
    return (
        entry["sample_id"],
        entry["rearrangement"],
        wells,
        *(verdicts[one] for one in get_args(Profile)),
        share,
    )


def _said(plate: Plate) -> str:
    name = f"Run {plate.run_id}, {plate.rearrangement} of patient {plate.patient_id}: "
    if plate.obstacle:
        return f"{name}not evaluable, {plate.obstacle}."
    held, sensitive, line = plate.range.quantitative, plate.range.sensitive, plate.line
    amplified = [ct for ct in plate.background_cqs if ct is not None]
    background = f"background in {len(amplified)} of {len(plate.background_cqs)} wells"
    lowest = f", lowest Ct {min(amplified):.1f}" if amplified else ""
    curve = "" if line is None else f"slope {line.slope:.2f}, R² {line.r_squared:.4f}; "
    low = number_text(held[-1].share) if held else "none"
    reached = "not known" if sensitive is None else number_text(sensitive.share)
    return f"{name}{curve}quantitative range to {low}, sensitivity {reached}; {background}{lowest}."
