"""A model file: rates with sources and priors, and the model that they give.

TOML. ``[[rate]]`` names each number; ``[[type]]``, ``[[event]]`` and ``[[therapy]]`` use the names in formulas;
``[[variant]]`` copies types with their events (a resistant clone) and adds the mutation that leads to them.
``[[option]]`` is a therapy that can be added by its name, as donor lymphocytes or a second target.
A rate with a ``prior`` is uncertain: `draw` gives sets of values, `build` a checked model for each.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from remnant.dynamics.formula import evaluate
from remnant.dynamics.model import CellType, Effect, Event, Feedback, Model, Therapy, staircase
from remnant.errors import FileFormatError, InputError
from remnant.knowledge.models import model_table, rate_problems

__all__ = [
    "Blueprint",
    "Rate",
    "build",
    "draw",
    "numbers_of",
    "option_tables",
    "read_blueprint",
    "shipped",
    "therapies",
    "therapy_problems",
]

_KEYS: Final = {
    "": {
        "version",
        "title",
        "source",
        "about",
        "rate",
        "type",
        "event",
        "therapy",
        "option",
        "variant",
        "escape",
    },
    "rate": {"id", "value", "unit", "source", "status", "prior", "log_sd", "low", "high"},
    "type": {"name", "label", "parent", "antigens", "clone", "start"},
    "event": {"kind", "source", "products", "rate", "feedback"},
    "feedback": {"form", "weights", "constant", "coefficient", "half"},
    "therapy": {"name", "start_day", "stop_day", "taper", "effect"},
    "option": {"name", "start_day", "stop_day", "taper", "effect"},
    "effect": {"antigen", "types", "phases", "multiply", "add_per_day", "survival"},
    "escape": {
        "grown",
        "marrow_cells",
        "overt_share",
        "seen_share",
        "ceiling_share",
        "presenting_share",
        "compartments",
        "lymphoid",
        "persisting",
        "resistance",
        "routes",
    },
    "variant": {"name", "label", "of", "loses", "probability", "clone"},
}
_NEEDED: Final = {
    "type": ("name",),
    "event": ("kind", "products", "rate"),
    "therapy": ("name", "start_day", "stop_day", "effect"),
    "option": ("name", "start_day", "stop_day", "effect"),
    "variant": ("name", "of", "probability"),
}
_PRIORS: Final = ("log_normal", "log_uniform", "uniform")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One number of a model.

    Attributes
    ----------
    name : str
        Used in formulas.
    value : float or str
        Central value, or a formula over earlier rates.
    unit : str
        As written.
    source, status : str
        Where it is from, and whether that was checked.
    prior : str
        Empty where the number is taken as known, else ``log_normal``, ``log_uniform`` or ``uniform``.
    log_sd : float
        Standard deviation of the natural logarithm, for ``log_normal``.
    low, high : float
        Range, for the uniform priors.
    """

    name: str
    value: float | str
    unit: str = ""
    source: str = ""
    status: str = "unverified"
    prior: str = ""
    log_sd: float = 0.0
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blueprint:
    """A model file, read.

    Attributes
    ----------
    name, title, version, source : str
        For captions.
    rates : tuple of Rate
        Numbers, in order.
    table : dict
        Types, events, therapies and variants, as written.
    """

    name: str
    title: str
    version: str
    source: str
    rates: tuple[Rate, ...]
    table: dict[str, Any] = field(repr=False)

    @property
    def uncertain(self) -> tuple[Rate, ...]:
        """Rates with a prior.

        Returns
        -------
        tuple of Rate
            In order.
        """
        return tuple(rate for rate in self.rates if rate.prior)


def shipped(name: str) -> Blueprint:
    """A model that comes with remnant.

    Parameters
    ----------
    name : str
        One of `remnant.knowledge.models.model_names`.

    Returns
    -------
    Blueprint
        With the source of every number.

    Examples
    --------
    >>> build(shipped("michor2005")).is_linear
    True
    """
    return _blueprint(model_table(name), name)


def read_blueprint(path: Path) -> Blueprint:
    """A model file of one's own.

    Parameters
    ----------
    path : Path
        TOML file.

    Returns
    -------
    Blueprint
        Checked.

    Raises
    ------
    FileFormatError
        If the file is not TOML, has unknown or missing keys, or a number without a source: all at once.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(
            where=path.name, found=str(error), needed="a TOML file", advice="Check the line named."
        ) from error
    return _blueprint(table, path.stem)


def build(
    blueprint: Blueprint, values: Mapping[str, float] | None = None, *, options: Sequence[str] = ()
) -> Model:
    """The model for one set of rates.

    Parameters
    ----------
    blueprint : Blueprint
        Model file.
    values : mapping of str to float or None, default None
        Replaces the central values of the rates named.
    options : sequence of str, default ()
        Names of optional therapies to give as well.

    Returns
    -------
    Model
        Checked.

    Raises
    ------
    InputError
        If a name is unknown or a formula has no value.

    Examples
    --------
    >>> model = build(shipped("aml_transplant"), options=("donor lymphocytes",))
    >>> sorted({therapy.name for therapy in model.therapies})
    ['conditioning', 'donor lymphocytes', 'graft-versus-leukaemia']
    """
    numbers = numbers_of(blueprint, values or {})
    table, where = blueprint.table, f"model {blueprint.name}"

    def value(formula: str | float) -> float:
        return evaluate(formula, numbers, where=where)

    types = [
        CellType(
            name=row["name"],
            label=row.get("label", row["name"]),
            parent=row.get("parent", ""),
            antigens=frozenset(row.get("antigens", ())),
            clone=row.get("clone", "leukaemic"),
        )
        for row in table.get("type", [])
    ]
    events = [
        Event(
            kind=row["kind"],
            source=row.get("source", ""),
            products=tuple(row["products"]),
            rate_per_day=value(row["rate"]),
            feedback=_feedback(row["feedback"], numbers, where) if "feedback" in row else None,
        )
        for row in table.get("event", [])
    ]
    for variant in table.get("variant", []):
        types, events = _with_variant(types, events, variant, value(variant["probability"]))
    return Model(
        name=blueprint.name,
        types=tuple(types),
        events=tuple(events),
        therapies=therapies(
            [*table.get("therapy", []), *option_tables(blueprint, options)], numbers, where=where
        ),
        start={row["name"]: value(row["start"]) for row in table.get("type", []) if "start" in row},
    )


def option_tables(blueprint: Blueprint, names: Sequence[str]) -> tuple[Mapping[str, Any], ...]:
    """Optional therapies of a model file, by name.

    Parameters
    ----------
    blueprint : Blueprint
        Model file.
    names : sequence of str
        Which ones.

    Returns
    -------
    tuple of mapping
        Their tables, in the order of the names; a name may have several windows.

    Raises
    ------
    InputError
        If the model has no option of that name.

    Examples
    --------
    >>> [row["start_day"] for row in option_tables(shipped("aml_transplant"), ["donor lymphocytes"])]
    ['dli_start']
    """
    held = blueprint.table.get("option", [])
    known = list(dict.fromkeys(row["name"] for row in held))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(
            where=f"model {blueprint.name}",
            found=f"no optional therapy named {', '.join(unknown)}",
            needed=f"one of {', '.join(known)}" if known else "a model that offers optional therapies",
            advice="Write the window as a [[therapy]] table instead, or correct the name.",
        )
    return tuple(row for name in names for row in held if row["name"] == name)


def therapies(
    rows: Sequence[Mapping[str, Any]], numbers: Mapping[str, float], *, where: str
) -> tuple[Therapy, ...]:
    """Therapies as they are written in model files and plans.

    Parameters
    ----------
    rows : sequence of mapping
        ``[[therapy]]`` tables.
    numbers : mapping of str to float
        Rates by name.
    where : str
        What to name in messages.

    Returns
    -------
    tuple of Therapy
        A tapered therapy gives one window a step.
    """
    result: list[Therapy] = []
    for row in rows:
        therapy = Therapy(
            name=row["name"],
            start_day=evaluate(row["start_day"], numbers, where=where),
            stop_day=evaluate(row["stop_day"], numbers, where=where),
            effects=tuple(
                Effect(
                    antigen=effect.get("antigen", ""),
                    types=frozenset(effect.get("types", ())),
                    phases=frozenset(effect.get("phases", ())),
                    multiply=evaluate(effect.get("multiply", 1.0), numbers, where=where),
                    add_per_day=evaluate(effect.get("add_per_day", 0.0), numbers, where=where),
                    survival=evaluate(effect.get("survival", 1.0), numbers, where=where),
                )
                for effect in row["effect"]
            ),
        )
        result += staircase(therapy, factors=row["taper"]) if row.get("taper") else (therapy,)
    return tuple(result)


def draw(blueprint: Blueprint, count: int, *, seed: int) -> dict[str, npt.NDArray[np.float64]]:
    """Sets of values of the uncertain rates, from their priors.

    Parameters
    ----------
    blueprint : Blueprint
        Model file.
    count : int
        Number of sets.
    seed : int
        Same seed, same sets.

    Returns
    -------
    dict of str to ndarray, shape (count,)
        By rate; independent of each other.

    Examples
    --------
    >>> sets = draw(shipped("ph_all_blinatumomab"), 4, seed=1)
    >>> sets["transformation"].shape
    (4,)
    """
    rng = np.random.default_rng(seed)
    numbers = numbers_of(blueprint, {})
    result = {}
    for rate in blueprint.uncertain:
        if rate.prior == "log_normal":
            result[rate.name] = numbers[rate.name] * np.exp(rate.log_sd * rng.standard_normal(count))
        elif rate.prior == "log_uniform":
            result[rate.name] = np.exp(rng.uniform(math.log(rate.low), math.log(rate.high), count))
        else:
            result[rate.name] = rng.uniform(rate.low, rate.high, count)
    return result


def numbers_of(blueprint: Blueprint, values: Mapping[str, float]) -> dict[str, float]:
    """Every rate of a model file as a number.

    Parameters
    ----------
    blueprint : Blueprint
        Model file.
    values : mapping of str to float
        Replaces the central values of the rates named.

    Returns
    -------
    dict of str to float
        By name, formulas evaluated.

    Raises
    ------
    InputError
        If a name is unknown or a formula has no value.
    """
    unknown = sorted(set(values) - {rate.name for rate in blueprint.rates})
    if unknown:
        raise InputError(
            where=f"model {blueprint.name}",
            found=f"unknown rate {', '.join(unknown)}",
            needed="names of its rates",
            advice="Check the spelling.",
        )
    numbers: dict[str, float] = {}
    for rate in blueprint.rates:
        given = values.get(rate.name, rate.value)
        numbers[rate.name] = evaluate(given, numbers, where=f"model {blueprint.name}, rate {rate.name}")
    return numbers


def _feedback(row: Mapping[str, Any], numbers: Mapping[str, float], where: str) -> Feedback:
    return Feedback(
        form=row["form"],
        weights={name: evaluate(weight, numbers, where=where) for name, weight in row["weights"].items()},
        constant=evaluate(row.get("constant", 0.0), numbers, where=where),
        coefficient=evaluate(row.get("coefficient", 1.0), numbers, where=where),
        half=evaluate(row.get("half", 0.0), numbers, where=where),
    )


def _with_variant(
    types: list[CellType], events: list[Event], row: Mapping[str, Any], probability: float
) -> tuple[list[CellType], list[Event]]:
    """Copies of types and of what they do, and the mutation at self-renewal that leads to them."""
    renamed = {name: f"{name}_{row['name']}" for name in row["of"]}
    loses = frozenset(row.get("loses", ()))
    copies = [
        replace(
            cell,
            name=renamed[cell.name],
            label=f"{cell.label} {row.get('label', row['name'])}",
            parent=renamed.get(cell.parent, cell.name),
            antigens=cell.antigens - loses,
            clone=row.get("clone", cell.clone),
        )
        for cell in types
        if cell.name in renamed
    ]
    own = [event for event in events if event.source in renamed]
    copied = [
        replace(
            event,
            source=renamed[event.source],
            products=tuple(renamed.get(product, product) for product in event.products),
        )
        for event in own
    ]
    mutations = [
        Event(
            kind="mutation",
            source=event.source,
            products=(event.source, renamed[event.source]),
            rate_per_day=event.rate_per_day * probability,
        )
        for event in own
        if event.kind == "self_renewal"
    ]
    return [*types, *copies], [*events, *copied, *mutations]


def _blueprint(table: dict[str, Any], name: str) -> Blueprint:
    problems = [*rate_problems(table), *_key_problems(table), *_prior_problems(table)]
    if problems:
        raise FileFormatError(
            where=f"model {name}",
            found=f"{len(problems)} problems",
            needed="known keys, and a source and status for every number",
            advice="Mend the file; nothing is guessed.",
            problems=problems,
        )
    return Blueprint(
        name=name,
        title=table.get("title", name),
        version=str(table.get("version", "")),
        source=table.get("source", ""),
        rates=tuple(
            Rate(
                name=row["id"],
                value=row["value"],
                unit=row["unit"],
                source=row["source"],
                status=row["status"],
                prior=row.get("prior", ""),
                log_sd=row.get("log_sd", 0.0),
                low=row.get("low", 0.0),
                high=row.get("high", 0.0),
            )
            for row in table.get("rate", [])
        ),
        table=table,
    )


def _key_problems(table: Mapping[str, Any]) -> list[str]:
    problems = [f"unknown key {key}" for key in table if key not in _KEYS[""]]
    if "escape" in table:
        given = set(table["escape"])
        problems += [f"escape: unknown key {key}" for key in sorted(given - _KEYS["escape"])]
        problems += [f"escape: no {key}" for key in sorted(_KEYS["escape"] - given)]
    for section in ("type", "event", "option", "variant"):
        problems += _section_problems(table, section)
    return [*problems, *therapy_problems(table)]


def therapy_problems(table: Mapping[str, Any]) -> list[str]:
    """Unknown and missing keys of the ``[[therapy]]`` tables of a model file or plan.

    Parameters
    ----------
    table : mapping
        What holds them.

    Returns
    -------
    list of str
        One line a problem.
    """
    return _section_problems(table, "therapy")


def _section_problems(table: Mapping[str, Any], section: str) -> list[str]:
    problems = []
    for number, row in enumerate(table.get(section, []), start=1):
        where = f"{section} {number}"
        problems += [f"{where}: no {key}" for key in _NEEDED[section] if key not in row]
        problems += [f"{where}: unknown key {key}" for key in row if key not in _KEYS[section]]
        inside = [("feedback", row["feedback"])] if "feedback" in row else []
        inside += [("effect", effect) for effect in row.get("effect", [])]
        problems += [
            f"{where}: unknown key {key} in {kind}"
            for kind, part in inside
            for key in part
            if key not in _KEYS[kind]
        ]
    return problems


def _prior_problems(table: Mapping[str, Any]) -> list[str]:
    problems = []
    for row in table.get("rate", []):
        where, prior = f"rate {row.get('id', 'no id')}", row.get("prior", "")
        problems += [f"{where}: unknown key {key}" for key in row if key not in _KEYS["rate"]]
        if prior and prior not in _PRIORS:
            problems.append(f"{where}: unknown prior {prior}, need one of {', '.join(_PRIORS)}")
        if prior == "log_normal" and not row.get("log_sd", 0.0) > 0.0:
            problems.append(f"{where}: a log-normal prior needs log_sd above 0")
        lowest = -math.inf if prior == "uniform" else 0.0
        if prior.endswith("uniform") and not lowest < row.get("low", lowest) < row.get("high", lowest):
            problems.append(f"{where}: a uniform prior needs low below high")
    return problems
