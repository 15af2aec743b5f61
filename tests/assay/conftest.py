"""A small laboratory for tests: plates with standards, blanks and samples, with or without noise."""

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import pytest

from remnant.assay.qpcr.quantify import quantify
from remnant.records.run import Run, Well
from remnant.records.sample import Cdna, Sample


@dataclass
class Bench:
    """Collects wells. Without `rng` every Cq is exactly on the curve."""

    rng: np.random.Generator | None = None
    technical_sd: float = 0.08
    intercept: float = 39.5
    slope: float = -3.4
    wells: list[Well] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    cdnas: list[Cdna] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    last: int = 0

    def cq(self, molecules, slope=None):
        noise = self.rng.normal(0.0, self.technical_sd) if self.rng is not None else 0.0
        return float(self.intercept + (slope or self.slope) * np.log10(molecules) + noise)

    def run(self, run_id, *, targets=("WT1", "ABL1"), slopes=None, blank=True, **fields):
        """One run with its standards, 10 to 10^6 copies in triplicate."""
        self.runs.append(Run(run_id=run_id, **fields))
        for target in targets:
            for copies in 10.0 ** np.arange(1, 7):
                for _ in range(3):
                    drawn = max(self.rng.poisson(copies), 1) if self.rng is not None else copies
                    cq = self.cq(drawn, (slopes or {}).get(target))
                    self.well(run_id, target, "STD", kind="standard", cq=cq, standard_copies=copies)
            if blank:
                self.well(run_id, target, "NTC", kind="ntc", cq=None)

    def well(self, run_id, target, sample, *, cq, kind="unknown", **fields):
        self.last += 1
        self.wells.append(
            Well(
                run_id=run_id,
                position=f"{self.last}",
                target=target,
                sample=sample,
                kind=kind,
                detected=cq is not None,
                cq=cq,
                **fields,
            )
        )

    def molecules(self, run_id, target, sample, counts, **fields):
        """Wells with these numbers of molecules."""
        for count in counts:
            self.well(run_id, target, sample, cq=self.cq(count) if count > 0 else None, **fields)

    def sample(self, sample_id, **fields):
        known = {"patient_id": "P-001", "material": "BM", "drawn_on": dt.date(2021, 3, 4)}
        self.samples.append(Sample(sample_id=sample_id, **{**known, **fields}))

    def quantified(self, **settings):
        return quantify(wells=self.wells, runs=self.runs, cdnas=self.cdnas, samples=self.samples, **settings)

    def only(self, **settings):
        [one] = self.quantified(**settings).measurements
        return one


@pytest.fixture(scope="session")
def new_bench():
    """The class itself, for tests that need several."""
    return Bench


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def noisy_bench():
    return Bench(rng=np.random.default_rng(20240521))


@pytest.fixture
def codes():
    """Codes of the findings of one quantification."""
    return lambda got: {finding.code for finding in got.findings}
