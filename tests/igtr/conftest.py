"""IG/TR plates made from shares of cells: dilutions of diagnosis DNA, polyclonal background, follow-ups."""

import dataclasses

import numpy as np
import pytest

from remnant.records.igtr import IgTrWell

CELLS_PER_NG = 1 / 0.0066
SLOPE, AT_ONE = -3.4, 39.5
"""Cycles a tenfold, and the Ct of one molecule."""


@dataclasses.dataclass(frozen=True)
class Bench:
    """A plate of one rearrangement, drawn from its truth."""

    rng: np.random.Generator
    run_id: str = "IGH-01"
    patient_id: str = "P1"
    rearrangement: str = "IGH VH3-23/JH4"
    dna_ng: float = 600.0
    technical_sd: float = 0.08
    background_molecules: float = 0.4
    background_spread: float = 0.3

    def ct(self, molecules):
        """Ct of a well, or None."""
        if molecules <= 0:
            return None
        return float(AT_ONE + SLOPE * np.log10(molecules) + self.rng.normal(0, self.technical_sd))

    def molecules(self, share):
        """Target molecules, and non-specific signal in some wells."""
        target = self.rng.poisson(share * self.dna_ng * CELLS_PER_NG)
        noisy = self.rng.random() < 0.6
        blank = self.background_molecules * 10 ** self.rng.normal(0, self.background_spread) if noisy else 0.0
        return target + blank

    def wells(self, samples, *, shares=(1e-1, 1e-2, 1e-3, 1e-4, 1e-5), background=6, replicates=3, ntc=1):
        """Wells of a plate; `samples` are shares by code."""
        plan = [("dilution", None, share, share) for share in shares for _ in range(replicates)]
        plan += [("background", None, None, 0.0)] * background
        plan += [
            ("follow_up", name, None, share) for name, share in samples.items() for _ in range(replicates)
        ]
        plan += [("ntc", None, None, None)] * ntc
        for place, (kind, sample, diluted, share) in enumerate(plan):
            cq = None if share is None else self.ct(self.molecules(share))
            yield IgTrWell(
                run_id=self.run_id,
                position=f"{'ABCDEFGH'[place // 12]}{place % 12 + 1:02d}",
                patient_id=self.patient_id,
                rearrangement=self.rearrangement,
                kind=kind,
                sample_id=sample,
                diagnosis_share=diluted,
                detected=cq is not None,
                cq=cq,
                dna_ng=None if kind in {"background", "ntc"} else self.dna_ng,
            )


@pytest.fixture
def bench():
    return lambda seed=1, **change: Bench(rng=np.random.default_rng(seed), **change)
