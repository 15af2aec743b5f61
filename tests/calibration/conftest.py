"""A laboratory with many plates, and dilution series, for tests of calibration."""

import datetime as dt

import numpy as np
import pytest

from remnant.assay.qpcr.quantify import quantify
from remnant.records.run import Run, Well
from remnant.records.sample import Sample


class Laboratory:
    """Plates of WT1 and ABL1 with standards of 10 to 10^6 copies and one sample each."""

    def __init__(self, seed, *, copies=40.0, control=20_000.0, technical=0.08):
        self.rng = np.random.default_rng(seed)
        self.copies, self.control, self.technical = copies, control, technical
        self.wells, self.runs, self.samples = [], [], []

    def plate(self, run_id, *, shift=0.0, lot=None, off=None, slope=None):
        height = self.rng.normal(0.0, 0.25) + shift
        tilt = self.rng.normal(-3.4, 0.03) if slope is None else slope
        self.runs.append(Run(run_id=run_id, standard_lot=lot))
        for target, expected in (("WT1", self.copies), ("ABL1", self.control)):
            for copies in 10.0 ** np.arange(1, 7):
                late = (off or {}).get(copies, 0.0) + self.rng.normal(0.0, 0.03)
                for _ in range(2):
                    self._well(run_id, target, "STD", copies, height, tilt, late, standard_copies=copies)
            for _ in range(3):
                self._well(run_id, target, f"S-{run_id}", expected, height, tilt, 0.0)
        self.samples.append(
            Sample(sample_id=f"S-{run_id}", patient_id="P-001", material="BM", drawn_on=dt.date(2021, 3, 4))
        )

    def _well(self, run_id, target, sample, copies, height, tilt, late, *, standard_copies=None):
        m = int(self.rng.poisson(copies))
        cq = (
            28.0 + height + tilt * (np.log10(m) - 3.5) + late + self.rng.normal(0.0, self.technical)
            if m
            else None
        )
        self.wells.append(
            Well(
                run_id=run_id,
                position=str(len(self.wells)),
                target=target,
                sample=sample,
                kind="standard" if standard_copies else "unknown",
                detected=m > 0,
                cq=None if cq is None else float(cq),
                standard_copies=standard_copies,
            )
        )

    def quantified(self):
        return quantify(wells=self.wells, runs=self.runs, samples=self.samples, learn=False)


@pytest.fixture
def laboratory():
    """The class: tests say the seed."""
    return Laboratory


@pytest.fixture(scope="session")
def series():
    """Wells of a dilution series: levels, replicates, detection probability, blanks with signal."""

    def make(
        *,
        q=1.0,
        levels=(0.5, 1.0, 3.0, 10.0, 100.0, 1e3, 1e4),
        each=40,
        blanks=60,
        false=0,
        seed=1,
        error=None,
    ):
        rng = np.random.default_rng(seed)
        wells = []
        for place, copies in enumerate(levels):
            moved = copies * 10 ** (0.0 if error is None else error[place])
            for i, m in enumerate(rng.poisson(q * moved, each)):
                cq = 39.5 - 3.4 * np.log10(m / q) + rng.normal(0.0, 0.08) if m else None
                wells.append(_well(f"S{place}-{i}", "standard", None if cq is None else float(cq), copies))
        wells += [_well(f"N-{i}", "ntc", 39.0 if i < false else None, None) for i in range(blanks)]
        return wells

    def _well(position, kind, cq, copies):
        return Well(
            run_id="R-01",
            position=position,
            target="WT1",
            sample="STD",
            kind=kind,
            detected=cq is not None,
            cq=cq,
            standard_copies=copies,
        )

    return make
