"""Makes up runs of digital PCR, as the files that a laboratory would hand over.

A run is duplex: target and control gene in the same droplets. Droplets vary in volume from well to well; the
true ratio of each cDNA is given. Results are written as QuantaSoft writes them, amplitudes one file a well.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from remnant.example.study_a import StudyA
from remnant.example.tables import record_table
from remnant.records.partition import PlateWell

__all__ = [
    "DigitalPlate",
    "DigitalTube",
    "amplitude_files",
    "digital_run",
    "draw_digital_plate",
    "layout_csv",
    "results_csv",
]

Floats = NDArray[np.float64]

_DROPLETS: Final = 16_000
_VOLUME_NL: Final = 0.85
_WELL_CV: Final = 0.03
_ROWS: Final = "ABCDEFGH"
_NEGATIVE: Final = (1500.0, 1200.0)
_POSITIVE: Final = (6500.0, 5200.0)
_NOISE: Final = (90.0, 80.0)
_RAIN: Final = 0.01
_TUBES: Final = 6
_REACTION_UL: Final = 20.0
_STREAM: Final = 41
"""Digital PCR draws from a stream of its own: the rest of the study does not change with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalTube:
    """One cDNA on the plate.

    Attributes
    ----------
    cdna_id : str
        Name in the wells.
    control_copies_per_ul : float
        True copies of the control gene, per microlitre of reaction.
    ratio : float
        True target over control.
    wells : int
        Replicates.
    """

    cdna_id: str
    control_copies_per_ul: float
    ratio: float
    wells: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalPlate:
    """A made-up run.

    Attributes
    ----------
    run_id : str
        Run.
    target, control : str
        Genes in channels 1 and 2.
    positions : tuple of str
        Wells.
    names : tuple of str
        cDNA in each, ``NTC`` for the blanks.
    cells : ndarray of int, shape (wells, 4)
        Droplets positive for nothing, the target only, the control only, both.
    """

    run_id: str
    target: str
    control: str
    positions: tuple[str, ...]
    names: tuple[str, ...]
    cells: NDArray[np.int64]


def draw_digital_plate(
    rng: np.random.Generator,
    tubes: Sequence[DigitalTube],
    *,
    run_id: str = "D-001",
    target: str = "WT1",
    control: str = "ABL1",
    blanks: int = 2,
    false_positive: float = 2e-5,
) -> DigitalPlate:
    """Draw the droplets of a run.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    tubes : sequence of DigitalTube
        What stands on the plate; at most 96 wells with the blanks.
    run_id, target, control : str
        Names.
    blanks : int, default 2
        No-template wells.
    false_positive : float, default 2e-5
        Rate a droplet and channel.

    Returns
    -------
    DigitalPlate
        Counts of every well.

    Examples
    --------
    >>> plate = draw_digital_plate(np.random.default_rng(1), [DigitalTube(cdna_id="C-1", control_copies_per_ul=500, ratio=0.02)])
    >>> plate.names, plate.cells.shape
    (('C-1', 'C-1', 'NTC', 'NTC'), (4, 4))
    """
    names = [tube.cdna_id for tube in tubes for _ in range(tube.wells)] + ["NTC"] * blanks
    levels = [
        (tube.control_copies_per_ul * tube.ratio, tube.control_copies_per_ul)
        for tube in tubes
        for _ in range(tube.wells)
    ]
    levels += [(0.0, 0.0)] * blanks
    cells = np.zeros((len(names), 4), dtype=np.int64)
    for i, (first, second) in enumerate(levels):
        volume_ul = _VOLUME_NL * 1e-3 * np.exp(rng.normal(0.0, _WELL_CV))
        n = int(rng.integers(int(0.9 * _DROPLETS), int(1.1 * _DROPLETS)))
        one = -np.expm1(np.log1p(-false_positive) - first * volume_ul)
        two = -np.expm1(np.log1p(-false_positive) - second * volume_ul)
        cells[i] = rng.multinomial(n, [(1 - one) * (1 - two), one * (1 - two), (1 - one) * two, one * two])
    positions = tuple(f"{_ROWS[i % 8]}{i // 8 + 1:02d}" for i in range(len(names)))
    return DigitalPlate(
        run_id=run_id, target=target, control=control, positions=positions, names=tuple(names), cells=cells
    )


def digital_run(study: StudyA, *, seed: int) -> DigitalPlate:
    """A run of digital PCR over the last WT1 samples of one patient of a made-up study.

    The same cDNA as by quantitative PCR, so that both agree but for what either assay gets wrong.

    Parameters
    ----------
    study : StudyA
        The study.
    seed : int
        Seed.

    Returns
    -------
    DigitalPlate
        Of the first patient with a relapse and enough samples; without any, of the patient with most samples.
    """
    measured = (
        study.measurement_truth.filter(pl.col("target") == "WT1")
        .unique("cdna_id", keep="first", maintain_order=True)
        .sort("day", maintain_order=True)
    )
    count = Counter(measured["patient_id"])
    relapsed = study.patient_truth.filter(pl.col("relapse_day").is_not_null())["patient_id"].to_list()
    everyone = sorted(study.patient_truth["patient_id"], key=lambda code: -count[code])
    chosen = next((code for code in relapsed if count[code] >= _TUBES), everyone[0])
    own = measured.filter(pl.col("patient_id") == chosen).tail(_TUBES)
    tubes = [
        DigitalTube(cdna_id=cdna, control_copies_per_ul=copies / _REACTION_UL, ratio=ratio / 1e4)
        for cdna, copies, ratio in own.select(
            "cdna_id", "control_copies_per_well", "cdna_truth_per_1e4"
        ).iter_rows()
    ]
    return draw_digital_plate(np.random.default_rng([seed, _STREAM]), tubes)


def results_csv(plate: DigitalPlate) -> bytes:
    """Results of a run as QuantaSoft exports them.

    Parameters
    ----------
    plate : DigitalPlate
        The run.

    Returns
    -------
    bytes
        One row a well and channel.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [
            "Well", "ExptType", "Experiment", "Sample", "TargetType", "Target", "Status", "Concentration",
            "Supermix", "Positives", "Negatives", "Ch1+Ch2+", "Ch1+Ch2-", "Ch1-Ch2+", "Ch1-Ch2-",
            "AcceptedDroplets", "Threshold", "MergedWells",
        ]
    )  # fmt: skip
    for position, name, cells in zip(plate.positions, plate.names, plate.cells, strict=True):
        n, both = int(cells.sum()), int(cells[3])
        for channel, gene, k in (
            ("Ch1Unknown", plate.target, int(cells[1] + cells[3])),
            ("Ch2Unknown", plate.control, int(cells[2] + cells[3])),
        ):
            concentration = 0.0 - np.log1p(-k / n) / (_VOLUME_NL * 1e-3)
            writer.writerow(
                [
                    position, "Absolute Quantification", "ABS", name, channel, gene, "OK",
                    f"{concentration:.4g}", "Example supermix", k, n - k, both, int(cells[1]), int(cells[2]),
                    int(cells[0]), n, 4000, "",
                ]
            )  # fmt: skip
    return out.getvalue().encode()


def amplitude_files(rng: np.random.Generator, plate: DigitalPlate) -> Iterator[tuple[str, bytes]]:
    """Amplitudes of a run, one file a well, as QuantaSoft exports them.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    plate : DigitalPlate
        The run.

    Yields
    ------
    tuple of (str, bytes)
        File name, which names run and place, and content.
    """
    for position, cells in zip(plate.positions, plate.cells, strict=True):
        place = np.repeat(np.arange(4), cells)
        columns = []
        for channel, positive in ((0, np.isin(place, (1, 3))), (1, np.isin(place, (2, 3)))):
            value = np.where(positive, _POSITIVE[channel], _NEGATIVE[channel])
            rain = positive & (rng.random(len(place)) < _RAIN)
            value = np.where(rain, rng.uniform(_NEGATIVE[channel], _POSITIVE[channel], len(place)), value)
            columns.append(value + rng.normal(0.0, _NOISE[channel], len(place)))
        order = rng.permutation(len(place))
        lines = (f"{a:.3f},{b:.3f}" for a, b in zip(columns[0][order], columns[1][order], strict=True))
        text = "\r\n".join(["Assay1 Amplitude,Assay2 Amplitude", *lines, ""])
        yield f"{plate.run_id}_{position}_Amplitude.csv", text.encode()


def layout_csv(plate: DigitalPlate) -> bytes:
    """Plate layout of a run.

    Parameters
    ----------
    plate : DigitalPlate
        The run.

    Returns
    -------
    bytes
        Table that names sample, target and kind of every well and channel.
    """
    rows = [
        PlateWell(
            run_id=plate.run_id,
            position=position,
            channel=channel,
            target=gene,
            sample=name,
            kind="ntc" if name == "NTC" else "unknown",
        )
        for position, name in zip(plate.positions, plate.names, strict=True)
        for channel, gene in (("1", plate.target), ("2", plate.control))
    ]
    return record_table(rows, PlateWell)
