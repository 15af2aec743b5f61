"""Which compartments carry the lesion, and the cell of origin: of a study, or of files without one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from remnant.cli.answer import Answer, command
from remnant.cli.options import Patients
from remnant.cli.printed import listed, printed
from remnant.cli.results import computed
from remnant.errors import NotFoundError
from remnant.pipeline.compartments import facts_of_files, judge_compartments
from remnant.records.fish import SortedSample
from remnant.report.tree import origin_table
from remnant.study.derived import derived_records
from remnant.units import probability_text

__all__ = ["origin"]


@command
def origin(
    path: Annotated[
        Path, typer.Argument(metavar="STUDY|FOLDER|FILE", help="A study, or score sheets and sort reports.")
    ],
    *,
    patients: Patients = None,
) -> Answer:
    """Which compartments carry the lesion, in which class the patient is, which classes of origin remain.

    Parameters
    ----------
    path : pathlib.Path
        Folder of a study, or a folder or file of score sheets.
    patients : list of str or None, default None
        Only these patients: with every compartment, verdict and reason.

    Returns
    -------
    Answer
        One entry a sample.
    """
    found = [one for one in _samples(path) if not patients or one.patient_id in patients]
    if not found:
        raise NotFoundError(
            where=str(path),
            found="no sorted sample" + (f" of {', '.join(patients)}" if patients else ""),
            needed="scored fractions",
            advice="Import score sheets with their fractions, or correct the patient code.",
        )
    columns = ("patient", "sample", "class", "outside B (P)", "HSC (P)", "origin", "P", "range")
    rows = (
        (
            one.patient_id,
            one.sample_id,
            one.lineage.name,
            _answer(one.lineage.outside_b_lineage, one.lineage.probability_outside),
            _answer(one.lineage.hsc_involved, one.lineage.probability_hsc),
            one.origin.leading,
            f"{max(one.origin.probability):.2f}",
            "{:.2f}-{:.2f}".format(*_range(one)),
        )
        for one in found
    )
    detailed = [line for one in found if patients for line in _detail(one)]
    note = "Rules and priors are unverified. Research use only."
    return Answer(data=found, shown=(listed(columns, rows, right=("P", "range")), *detailed, "", note))


def _answer(word: str, probability: float | None) -> str:
    """The verdicts' answer, and beside it the joint posterior, which counts how many gates were asked."""
    return word if probability is None else f"{word} ({probability_text(probability)})"


def _detail(one: SortedSample) -> list[RenderableType]:
    """Every verdict with its reason, CD19, and the classes of origin."""
    calls = [f"  {call.compartment}: {call.verdict}. {call.reason}" for call in one.calls]
    cd19 = [f"  {status.clone}: {status.state}; {status.escape}. {status.reason}" for status in one.cd19]
    return ["", f"Sample {one.sample_id}", *calls, *cd19, *printed(origin_table(one))]


def _samples(path: Path) -> tuple[SortedSample, ...]:
    if (path / "study.toml").is_file():
        return tuple(derived_records(computed(path), SortedSample))
    return judge_compartments(facts_of_files([path]))


def _range(one: SortedSample) -> tuple[float, float]:
    place = one.origin.classes.index(one.origin.leading)
    return one.origin.lower[place], one.origin.upper[place]
