"""Which cDNA stands on which 96-well plate, and in which kind of file the laboratory kept the run.

All wells of one cDNA stand on one plate, so that target and control share the run's error.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from remnant.example.assay import Tube
from remnant.example.assumptions import number
from remnant.records.run import Run

__all__ = ["Form", "Plate", "draw_plates"]

Rng = np.random.Generator
Form = Literal["rdml", "csv", "xlsx", "cp1251"]
_TABLES: Final[tuple[Form, ...]] = ("csv", "xlsx", "cp1251")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """One run.

    Attributes
    ----------
    run : Run
        Its run sheet.
    tubes : tuple of Tube
        The cDNA on it.
    form : {"rdml", "csv", "xlsx", "cp1251"}
        In which kind of file the laboratory kept it.
    experiment : str
        Experiment of an RDML file that holds several runs, else empty.
    """

    run: Run
    tubes: tuple[Tube, ...]
    form: Form = "rdml"
    experiment: str = ""


def draw_plates(rng: Rng, tubes: tuple[Tube, ...]) -> tuple[Plate, ...]:
    """Fill plates in the order of transcription, donors on plates of their own.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    tubes : tuple of Tube
        Numbered cDNA.

    Returns
    -------
    tuple of Plate
        Runs ``R-001`` and on; the donors' come first.
    """
    size = int(number("plate.tubes"))
    donors = [tube for tube in tubes if tube.specimen.day is None]
    others = [tube for tube in tubes if tube.specimen.day is not None]
    batches = [group[i : i + size] for group in (donors, others) for i in range(0, len(group), size)]
    forms = _forms(len(batches), of_donors=-(-len(donors) // size))
    waits, who = rng.integers(1, 5, len(batches)), rng.integers(1, 3, len(batches))
    return tuple(
        Plate(
            run=_run(index, batch, wait=int(waits[index]), operator=int(who[index]), experiment=experiment),
            tubes=tuple(batch),
            form=form,
            experiment=experiment,
        )
        for index, (batch, (form, experiment)) in enumerate(zip(batches, forms, strict=True))
    )


def _forms(plates: int, *, of_donors: int) -> list[tuple[Form, str]]:
    """File of each plate: the donors' six to an RDML file, three others plain tables, one RDML file each for the rest."""
    forms: list[tuple[Form, str]] = [("rdml", f"DONORS-{index // 6 + 1}") for index in range(of_donors)]
    forms += [("rdml", "")] * (plates - of_donors)
    if plates - of_donors > len(_TABLES):
        step = (plates - of_donors) // (len(_TABLES) + 1)
        for place, form in enumerate(_TABLES, start=1):
            forms[of_donors + place * step] = (form, "")
    return forms


def _run(index: int, tubes: list[Tube], *, wait: int, operator: int, experiment: str) -> Run:
    last = max(tube.cdna.transcribed_on or dt.date.min for tube in tubes)
    return Run(
        run_id=f"{experiment}/R-{index + 1:03d}".lstrip("/"),
        run_on=last + dt.timedelta(days=wait),
        instrument="synthetic cycler",
        serial="SYN-0001",
        operator=f"operator {operator}",
        kit_lot=f"MIX-{index // 15 + 1:02d}",
        primer_lot=f"PRIMER-{index // 20 + 1:02d}",
        standard_lot=f"PLASMID-{index // 25 + 1:02d}",
        cdna_ul_per_well=number("plate.cdna_ul"),
        chemistry="TaqMan",
        threshold=number("plate.threshold"),
        cycles=int(number("plate.cycles")),
    )
