"""Made-up marrow tubes of known composition: events of named populations, spilled over and stored.

Every number is an assumption of ours; levels are linear fluorescence. Marrows differ from each other: shares
are Dirichlet draws around the typical ones and levels shift log-normally by marrow and antigen. A marrow that regenerates is rich
in normal B precursors, to a degree that varies log-normally between marrows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.example.fcs import fcs_bytes
from remnant.records.flow import Channel
from remnant.records.gate import SpectrumMatrix

__all__ = ["ANTIGENS", "DETECTORS", "POPULATIONS", "MadeMarrow", "made_cells", "made_marrow"]

ANTIGENS: Final = ("CD34", "CD38", "CD19", "CD10", "CD20", "CD45", "CD33", "CD3")
DETECTORS: Final = ("FITC-A", "PE-A", "PerCP-A", "PE-Cy7-A", "APC-A", "APC-R700-A", "V450-A", "V500-A")
_NEGATIVE: Final = 60.0
_NOISE: Final = 80.0
_LEVELS: Final[dict[str, tuple[float, ...]]] = {
    "HSC": (9e3, 150, 60, 60, 60, 2e3, 300, 60),
    "progenitor": (6e3, 6e3, 60, 60, 60, 2e3, 1.5e3, 60),
    "haematogones I": (6e3, 9e3, 4e3, 9e3, 60, 1.5e3, 60, 60),
    "haematogones II": (60, 8e3, 6e3, 5e3, 500, 3e3, 60, 60),
    "mature B": (60, 600, 9e3, 60, 9e3, 1.2e4, 60, 60),
    "T": (60, 800, 60, 60, 60, 1.5e4, 60, 1.2e4),
    "myeloid": (60, 1.5e3, 60, 300, 60, 5e3, 8e3, 60),
    "erythroid": (60, 300, 60, 60, 60, 150, 60, 60),
    "B-ALL blast": (8e3, 2.5e3, 5e3, 2e4, 60, 700, 60, 60),
    "CD19-negative blast": (8e3, 2.5e3, 60, 1.5e4, 60, 700, 60, 60),
}
_SHARES: Final[dict[str, float]] = {
    "HSC": 0.0005,
    "progenitor": 0.012,
    "haematogones I": 0.005,
    "haematogones II": 0.02,
    "mature B": 0.03,
    "T": 0.12,
    "myeloid": 0.6,
    "erythroid": 0.2125,
}
POPULATIONS: Final = tuple(_LEVELS)
"""Populations that a marrow can hold."""
_REGENERATION: Final = {"haematogones I": 4.0, "haematogones II": 3.0}
_BETWEEN_REGENERATION: Final = 0.5
_SIDE: Final = {"myeloid": 60_000.0}
_BETWEEN_SHARES: Final = 200.0
_BETWEEN_LEVELS: Final = 0.12
_WITHIN: Final = 0.45
_SPILL: Final = 0.06


@dataclass(frozen=True, slots=True, eq=False)
class MadeMarrow:
    """One tube and its truth.

    Attributes
    ----------
    values : ndarray of float32, shape (n, 10)
        As stored: FSC-A, SSC-A and the detectors, spilled over.
    populations : tuple of str
        Names.
    population : ndarray of int, shape (n,)
        Population of each event.
    channels : tuple of Channel
        What the columns are.
    spillover : SpectrumMatrix
        Matrix of the tube.
    """

    values: NDArray[np.float32]
    populations: tuple[str, ...]
    population: NDArray[np.int64]
    channels: tuple[Channel, ...]
    spillover: SpectrumMatrix

    def fcs(self) -> bytes:
        """The tube as an FCS 3.1 file.

        Returns
        -------
        bytes
            File.
        """
        return fcs_bytes(
            self.values, self.channels, spillover=self.spillover, more={"TUBE NAME": "synthetic"}
        )


def _matrix() -> SpectrumMatrix:
    size = len(DETECTORS)
    spill = np.eye(size) + _SPILL * np.eye(size, k=1) + _SPILL / 3 * np.eye(size, k=-1)
    rows = tuple(tuple(float(v) for v in row) for row in spill)
    return SpectrumMatrix(name="FCS", fluorochromes=DETECTORS, detectors=DETECTORS, spectrum=rows)


def made_marrow(events: int, *, blasts: dict[str, int] | None = None, seed: int) -> MadeMarrow:
    """A marrow of known composition.

    Parameters
    ----------
    events : int
        Events, blasts included.
    blasts : dict of str to int or None, default None
        Exact number of events of each leukaemic population.
    seed : int
        The same seed gives the same tube.

    Returns
    -------
    MadeMarrow
        Events in random order with their populations.

    Examples
    --------
    >>> tube = made_marrow(1000, blasts={"B-ALL blast": 10}, seed=1)
    >>> int((tube.population == tube.populations.index("B-ALL blast")).sum())
    10
    """
    rng = np.random.default_rng(seed)
    return _stained(_composition(events, blasts or {}, rng), rng, levels_rng=rng)


def made_cells(
    counts: dict[str, int] | None = None,
    *,
    events: int = 0,
    blasts: dict[str, int] | None = None,
    regenerating: bool = False,
    marrow: int,
    seed: int,
) -> MadeMarrow:
    """Cells of one marrow, measured: its levels are the same in every tube of it.

    Parameters
    ----------
    counts : dict of str to int or None, default None
        Exact number of events of each population, for sorted cells; None for the whole marrow.
    events : int, default 0
        Events of the whole marrow, blasts included.
    blasts : dict of str to int or None, default None
        Exact number of leukaemic events among them.
    regenerating : bool, default False
        Whether the whole marrow recovers from chemotherapy and is rich in normal B precursors.
    marrow : int
        Seed of the marrow: how bright its cells are.
    seed : int
        Seed of the tube.

    Returns
    -------
    MadeMarrow
        Events in random order with their populations.

    Examples
    --------
    >>> made_cells({"HSC": 95, "B-ALL blast": 5}, marrow=1, seed=2).values.shape
    (100, 10)
    """
    rng = np.random.default_rng(seed)
    held = _composition(events, blasts or {}, rng, regenerating=regenerating) if counts is None else counts
    return _stained(held, rng, levels_rng=np.random.default_rng(marrow))


def _composition(
    events: int, leukaemic: dict[str, int], rng: np.random.Generator, *, regenerating: bool = False
) -> dict[str, int]:
    typical = np.array(list(_SHARES.values()))
    if regenerating:
        degree = float(np.exp(_BETWEEN_REGENERATION * rng.standard_normal()))
        typical = typical * [degree * _REGENERATION.get(name, 1.0 / degree) for name in _SHARES]
        typical /= typical.sum()
    shares = rng.dirichlet(_BETWEEN_SHARES * typical + 1e-3)
    normal = rng.multinomial(events - sum(leukaemic.values()), shares)
    return dict(zip(_SHARES, normal.tolist(), strict=True)) | leukaemic


def _stained(
    counts: dict[str, int], rng: np.random.Generator, *, levels_rng: np.random.Generator
) -> MadeMarrow:
    events = sum(counts.values())
    population = np.repeat(
        [POPULATIONS.index(name) for name in counts], [counts[name] for name in counts]
    ).astype(np.int64)
    rng.shuffle(population)
    levels = np.array([_LEVELS[name] for name in POPULATIONS])
    levels = np.where(
        levels > _NEGATIVE, levels * 10 ** levels_rng.normal(0, _BETWEEN_LEVELS, levels.shape[1]), levels
    )
    stained = levels[population] * np.exp(_WITHIN * rng.standard_normal((events, len(DETECTORS))))
    stained += _NOISE * rng.standard_normal(stained.shape)
    side = np.array([_SIDE.get(name, 14_000.0) for name in POPULATIONS])[population]
    scatter = np.column_stack([np.full(events, 70_000.0), side]) * np.exp(
        0.22 * rng.standard_normal((events, 2))
    )
    values = np.column_stack([scatter, stained @ np.array(_matrix().spectrum)]).astype("<f4")
    names = ("FSC-A", "SSC-A", *DETECTORS)
    labels = ("", "", *ANTIGENS)
    channels = tuple(
        Channel(name=name, label=label, bits=32, top=262144.0)
        for name, label in zip(names, labels, strict=True)
    )
    return MadeMarrow(values, POPULATIONS, population, channels, _matrix())
