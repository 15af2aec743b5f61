"""Writes ``docs/images/timeline.png``: the timeline of one patient of the synthetic example study."""

from __future__ import annotations

import sys
from pathlib import Path

from remnant.example.study_a import simulate_study_a
from remnant.pipeline.stages import Facts, compute
from remnant.report import draw, timeline

PICTURE = Path(__file__).parent / "images" / "timeline.png"


def main(patient_id: str) -> None:
    """Simulate, compute, draw."""
    study = simulate_study_a(curves=False)
    facts = Facts(
        patients=study.patients,
        events=study.events,
        therapies=study.therapies,
        samples=study.samples,
        cdnas=study.cdnas,
        runs=study.runs,
        wells=study.wells,
    )
    chosen = next(one for one in compute(facts) if one.patient.patient_id == patient_id)
    PICTURE.write_bytes(draw.png(timeline.svg(chosen), scale=1.5))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "P014")
