"""Curves that are kept to be drawn: the ones to look at, the worst first, and a typical one of their target."""

import numpy as np
import pytest

from remnant.assay.qpcr.amplification import read_curves
from remnant.assay.qpcr.amplification_cq import disagreements
from remnant.assay.qpcr.amplification_traces import traces
from remnant.pipeline.curves import curve_records
from remnant.records.acquired import Acquired
from remnant.records.amplification import CurveTrace
from remnant.records.codec import from_dict, to_dict
from remnant.records.run import Curves, SourceFile, Well

CYCLES = np.arange(1.0, 46.0)
PLACES = [f"{row}{column:02d}" for row in "ABCD" for column in range(1, 13)]


@pytest.fixture
def plate():
    """48 curves alike; the instrument's Cq of the first 30 is off by 1 to 30 tenths of a cycle beyond the bound."""
    rise = 1.0 + 20.0 / (1.0 + np.exp(-0.62 * (CYCLES - 25.0)))
    heights = np.linspace(1.0, 2.0, len(PLACES))
    curves = Curves(
        wells=tuple(("R-1", place, "WT1") for place in PLACES),
        cycles=CYCLES,
        fluorescence=1.0 + heights[:, None] * (rise - 1.0),
    )
    results = read_curves(curves).records()
    shifts = [
        0.6 + 0.1 * at if at < 30 and at % 2 else -0.6 - 0.1 * at if at < 30 else 0.0 for at in range(48)
    ]
    wells = [
        Well(
            run_id="R-1",
            position=one.position,
            target="WT1",
            sample=f"S-{at}",
            kind="unknown",
            detected=True,
            cq=one.cq - shifts[at],
        )
        for at, one in enumerate(results)
    ]
    return curves, wells, results


def test_at_most_24_are_kept_the_furthest_apart_first(plate):
    curves, wells, results = plate
    assert len(disagreements(wells, results)) == 30
    kept = traces([curves], results, disagreements(wells, results))
    assert [one.position for one in kept if not one.typical] == [PLACES[at] for at in range(29, 5, -1)]


def test_the_typical_curve_agrees_with_the_instrument_and_has_the_median_height(plate):
    curves, wells, results = plate
    (typical,) = [one for one in traces([curves], results, disagreements(wells, results)) if one.typical]
    assert typical.position == PLACES[30:][8]
    row = PLACES.index(typical.position)
    assert typical.fluorescence == tuple(curves.fluorescence[row])
    assert typical.cycles == tuple(CYCLES)


def test_nothing_is_kept_where_nothing_is_to_be_looked_at(plate):
    curves, wells, results = plate
    assert traces([curves], results, disagreements(wells[30:], results)) == ()


def test_a_missing_reading_stays_missing(plate):
    curves, wells, results = plate
    curves.fluorescence[29, 3] = np.nan
    first = traces([curves], results, disagreements(wells, results))[0]
    assert (first.position, first.fluorescence[3]) == (PLACES[29], None)
    assert None not in (*first.fluorescence[:3], *first.fluorescence[4:])


def test_they_are_kept_with_what_is_read_off_a_file_and_come_back_equal(plate):
    curves, wells, results = plate
    source = SourceFile(sha256="0" * 64, name="plate.rdml", size_bytes=1, format="rdml 1.3")
    records = curve_records(Acquired(source=source, wells=tuple(wells), curves=(curves,)))
    kept = [one for one in records if isinstance(one, CurveTrace)]
    assert tuple(kept) == traces([curves], results, disagreements(wells, results))
    assert [from_dict(CurveTrace, to_dict(one)) for one in kept] == kept
