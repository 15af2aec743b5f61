"""What is asked: a model, its patients at diagnosis, their therapy and the alternatives to compare.

A plan is a TOML file. A compartment's state is a known ``fraction`` of leukaemic cells, or ``positive`` of
``scored`` cells with a ``prior_involved``; purity belongs to the calls before, whose posterior draws the Python
interface takes directly. Nothing is assumed for a compartment that the plan does not name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from remnant.dynamics.blueprint import (
    Blueprint,
    option_tables,
    read_blueprint,
    shipped,
    therapy_problems,
)
from remnant.errors import FileFormatError, InputError
from remnant.knowledge.models import model_names

__all__ = ["Alternative", "Compartment", "EscapePlan", "PatientState", "read_plan"]

FloatArray = npt.NDArray[np.float64]

_KEYS: Final = {
    "plan": {
        "title",
        "model",
        "horizon_days",
        "draws",
        "replicates",
        "seed",
        "values",
        "patient",
        "therapy",
        "alternative",
    },
    "patient": {"name", "burden_cells", "compartment"},
    "compartment": {"fraction", "positive", "scored", "prior_involved"},
    "alternative": {"name", "therapy", "options"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compartment:
    """Leukaemic share of one compartment, as far as it is known.

    Attributes
    ----------
    fraction : float or None
        Known share.
    positive, scored : int
        Cells counted, where the share is not known.
    prior_involved : float
        Probability, before counting, that the compartment carries the lesion at all.
    draws : ndarray or None
        Posterior draws of the share from a joint model, in place of the others.
    """

    fraction: float | None = None
    positive: int = 0
    scored: int = 0
    prior_involved: float = 0.5
    draws: FloatArray | None = None

    def __post_init__(self) -> None:
        known = self.fraction is not None and 0.0 <= self.fraction <= 1.0
        counted = self.fraction is None and self.scored > 0 and 0 <= self.positive <= self.scored
        drawn = self.draws is not None and self.draws.size > 0
        if not (known or counted or drawn) or not 0.0 <= self.prior_involved <= 1.0:
            raise InputError(
                where="compartment",
                found=f"fraction {self.fraction}, {self.positive} of {self.scored} cells, prior {self.prior_involved:g}",
                needed="a fraction within 0 and 1, counts, or draws",
                advice="A compartment that was not examined needs draws from its prior.",
            )

    @property
    def involved_probability(self) -> float:
        """Probability that the compartment carries the lesion.

        Returns
        -------
        float
            1 once a positive cell was counted; a uniform share where involved.
        """
        if self.draws is not None:
            return float((self.draws > 0.0).mean())
        if self.fraction is not None:
            return float(self.fraction > 0.0)
        if self.positive > 0:
            return 1.0
        unseen = self.prior_involved / (self.scored + 1.0)
        return unseen / (unseen + 1.0 - self.prior_involved)

    def sample(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Draws of the leukaemic share.

        Parameters
        ----------
        count : int
            Number of draws.
        rng : Generator
            Random numbers.

        Returns
        -------
        ndarray, shape (count,)
            0 where the compartment is not involved.
        """
        if self.draws is not None:
            return rng.choice(self.draws, count)
        if self.fraction is not None:
            return np.full(count, self.fraction)
        share = rng.beta(self.positive + 1.0, self.scored - self.positive + 1.0, count)
        return np.where(rng.random(count) < self.involved_probability, share, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientState:
    """One patient at diagnosis.

    Attributes
    ----------
    name : str
        Laboratory code.
    burden_cells : float
        CD19+ blasts, or whatever type the model says has grown.
    compartments : mapping of str to Compartment
        Every compartment that the model asks for.
    """

    name: str
    burden_cells: float
    compartments: Mapping[str, Compartment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Therapies given on top of the plan.

    Attributes
    ----------
    name : str
        For tables and figures.
    therapy : tuple of mapping
        Added windows, as ``[[therapy]]`` tables: their formulas see the rates of each draw.
    """

    name: str
    therapy: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EscapePlan:
    """Patients, therapy and what to compare.

    Attributes
    ----------
    title : str
        For captions.
    blueprint : Blueprint
        Model with its priors.
    patients : tuple of PatientState
        At diagnosis.
    horizon_days : float
        Follow-up from the start of therapy.
    draws : int
        Sets of rates drawn from the priors.
    replicates : int
        Simulated courses a set.
    seed : int
        Same seed, same result.
    values : mapping of str to float
        Rates taken as known for all draws.
    therapy : tuple of mapping or None
        ``[[therapy]]`` tables in place of the model's own plan.
    alternatives : tuple of Alternative
        Compared with the plan on the same draws.
    """

    title: str
    blueprint: Blueprint
    patients: tuple[PatientState, ...]
    horizon_days: float
    draws: int = 300
    replicates: int = 6
    seed: int = 1
    values: Mapping[str, float] = field(default_factory=dict)
    therapy: tuple[Mapping[str, Any], ...] | None = None
    alternatives: tuple[Alternative, ...] = ()

    def __post_init__(self) -> None:
        asked = self.blueprint.table.get("escape", {}).get("compartments", {})
        problems = [] if asked else [f"model {self.blueprint.name} has no escape section"]
        for patient in self.patients:
            problems += [
                f"patient {patient.name}: no state of {name}"
                for name in asked
                if name not in patient.compartments
            ]
            problems += [
                f"patient {patient.name}: unknown compartment {name}"
                for name in patient.compartments
                if name not in asked
            ]
            if not 1e3 < patient.burden_cells < 1e15:
                problems.append(f"patient {patient.name}: burden of {patient.burden_cells:g} cells")
        if not self.patients or self.horizon_days <= 0.0 or self.draws < 2 or self.replicates < 1:
            problems.append("no patient, no follow-up, fewer than two draws or no replicate")
        if problems:
            raise InputError(
                where=f"plan {self.title}",
                found=f"{len(problems)} problems",
                needed="patients with a state of every compartment of the model",
                advice="A compartment that was not examined is said so with its prior; it is never taken as negative.",
                problems=problems,
            )


def read_plan(path: Path) -> EscapePlan:
    """A plan file.

    Parameters
    ----------
    path : Path
        TOML file; a model named by a path is looked for beside it.

    Returns
    -------
    EscapePlan
        Checked.

    Raises
    ------
    FileFormatError
        If it is not TOML, or has unknown or missing keys: all at once.
    InputError
        If its content does not fit the model.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(
            where=path.name, found=str(error), needed="a TOML file", advice="Check the line named."
        ) from error
    problems = _problems(table)
    if problems:
        raise FileFormatError(
            where=path.name,
            found=f"{len(problems)} problems",
            needed="model, horizon_days and at least one patient",
            advice="See docs/tutorials/modeller.md for a plan.",
            problems=problems,
        )
    name = table["model"]
    blueprint = shipped(name) if name in model_names() else read_blueprint(path.parent / name)
    return EscapePlan(
        title=table.get("title", path.stem),
        blueprint=blueprint,
        patients=tuple(_patient(row) for row in table["patient"]),
        horizon_days=float(table["horizon_days"]),
        draws=table.get("draws", 300),
        replicates=table.get("replicates", 6),
        seed=table.get("seed", 1),
        values=table.get("values", {}),
        therapy=tuple(table["therapy"]) if "therapy" in table else None,
        alternatives=tuple(
            Alternative(
                name=row["name"],
                therapy=(*row.get("therapy", ()), *option_tables(blueprint, row.get("options", ()))),
            )
            for row in table.get("alternative", [])
        ),
    )


def _problems(table: Mapping[str, Any]) -> list[str]:
    problems = [f"no {key}" for key in ("model", "horizon_days", "patient") if key not in table]
    problems += [f"unknown key {key}" for key in table if key not in _KEYS["plan"]]
    for number, row in enumerate(table.get("patient", []), start=1):
        where = f"patient {number}"
        problems += [
            f"{where}: no {key}" for key in ("name", "burden_cells", "compartment") if key not in row
        ]
        problems += [f"{where}: unknown key {key}" for key in row if key not in _KEYS["patient"]]
        for name, part in row.get("compartment", {}).items():
            problems += [
                f"{where}, {name}: unknown key {key}" for key in part if key not in _KEYS["compartment"]
            ]
            if "fraction" not in part and not {"positive", "scored", "prior_involved"} <= set(part):
                problems.append(f"{where}, {name}: need fraction, or positive, scored and prior_involved")
    for number, row in enumerate(table.get("alternative", []), start=1):
        where = f"alternative {number}"
        problems += [f"{where}: no name"] if "name" not in row else []
        problems += [] if {"therapy", "options"} & set(row) else [f"{where}: neither therapy nor options"]
        problems += [f"{where}: unknown key {key}" for key in row if key not in _KEYS["alternative"]]
        problems += [f"alternative {number}, {problem}" for problem in therapy_problems(row)]
    return [*problems, *therapy_problems(table)]


def _patient(row: Mapping[str, Any]) -> PatientState:
    return PatientState(
        name=row["name"],
        burden_cells=float(row["burden_cells"]),
        compartments={name: Compartment(**part) for name, part in row["compartment"].items()},
    )
