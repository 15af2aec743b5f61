"""The model: named cell types, what one cell can do, and therapies that change it for a while.

A *type* is a place on the blood hierarchy with the antigens and marks that therapies see. An *event* happens
to one cell of its source at a rate per day and replaces it by its products: self-renewal ``X -> X X``,
differentiation ``X -> Y``, output ``X -> X Y``, death ``X ->``, mutation ``X -> X X'``. A *therapy* is a window
of days that multiplies or adds to the rates of the events it selects, and may kill a share at its first day
(conditioning). Rates are constant between the first and last days of therapies.

With no *feedback* the process is a branching process and every law of it is exact; with feedback (a rate that
depends on the sizes of other types) there is simulation and the deterministic equation.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args

from remnant.errors import InputError

__all__ = [
    "EVENT_KINDS",
    "FEEDBACK_FORMS",
    "CellType",
    "Effect",
    "Event",
    "EventKind",
    "Feedback",
    "FeedbackForm",
    "Model",
    "Therapy",
    "staircase",
]

EventKind = Literal[
    "self_renewal",
    "differentiation",
    "output",
    "death",
    "mutation",
    "antigen_loss",
    "transformation",
    "supply",
]
EVENT_KINDS: Final[tuple[str, ...]] = get_args(EventKind)
FeedbackForm = Literal["mass", "saturation", "window"]
FEEDBACK_FORMS: Final[tuple[str, ...]] = get_args(FeedbackForm)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellType:
    """One kind of cell.

    Attributes
    ----------
    name : str
        Identifier, for example ``"blast"``.
    label : str
        As it is printed.
    parent : str
        The type it descends from in the hierarchy, empty for the top: drawing only.
    antigens : frozenset of str
        What therapies select by: surface antigens (``CD19``) and marks (``native kinase``).
    clone : str
        Name of the clone, for colours and for routes.
    """

    name: str
    label: str = ""
    parent: str = ""
    antigens: frozenset[str] = frozenset()
    clone: str = "leukaemic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A factor on a rate that depends on the state ``x`` through ``u = sum_j weights[j] x_j``.

    Attributes
    ----------
    form : {"mass", "saturation", "window"}
        ``u``; ``constant + coefficient / (1 + u)``; ``u / (half**2 + u**2)``.
    weights : mapping of str to float
        Per type.
    constant, coefficient, half : float
        Numbers of the form.
    """

    form: FeedbackForm
    weights: Mapping[str, float]
    constant: float = 0.0
    coefficient: float = 1.0
    half: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What one cell can do.

    Attributes
    ----------
    kind : EventKind
        For therapies that act by phase, and for the diagram.
    source : str
        Type of the cell it happens to; empty for a supply from outside.
    products : tuple of str
        Cells that take its place.
    rate_per_day : float
        Per cell and day; cells per day for a supply.
    feedback : Feedback or None
        Factor that depends on the state.
    """

    kind: EventKind
    source: str
    products: tuple[str, ...]
    rate_per_day: float
    feedback: Feedback | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a therapy does to the cells and events that it selects; empty selectors select all.

    Attributes
    ----------
    antigen : str
        Only cells that carry it.
    types : frozenset of str
        Only these types.
    phases : frozenset of EventKind
        Only these kinds of events.
    multiply : float
        Factor on their rates.
    add_per_day : float
        Added after multiplying, once a type: to its one selected event without feedback. For a kill, select
        ``death``.
    survival : float
        Share of these cells that survives the first day of the window, each cell for itself.
    """

    antigen: str = ""
    types: frozenset[str] = frozenset()
    phases: frozenset[str] = frozenset()
    multiply: float = 1.0
    add_per_day: float = 0.0
    survival: float = 1.0

    def selects_cell(self, cell: CellType) -> bool:
        """Whether the effect reaches cells of a type.

        Parameters
        ----------
        cell : CellType
            The type.

        Returns
        -------
        bool
            By antigen and by name.
        """
        return (not self.antigen or self.antigen in cell.antigens) and (
            not self.types or cell.name in self.types
        )

    def selects_event(self, event: Event, cell: CellType) -> bool:
        """Whether the effect changes the rate of an event.

        Parameters
        ----------
        event : Event
            The event.
        cell : CellType
            Its source.

        Returns
        -------
        bool
            By cell and by phase.
        """
        return self.selects_cell(cell) and (not self.phases or event.kind in self.phases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Therapy:
    """One window of one therapy, first day included, last day excluded.

    Attributes
    ----------
    name : str
        For example ``"blinatumomab"``; several windows may share it.
    start_day, stop_day : float
        Window; equal days are an instant, for conditioning.
    effects : tuple of Effect
        What it does.
    """

    name: str
    start_day: float
    stop_day: float
    effects: tuple[Effect, ...]


def staircase(therapy: Therapy, *, factors: Iterable[float]) -> tuple[Therapy, ...]:
    """A taper, as it is prescribed: equal steps of falling dose.

    Parameters
    ----------
    therapy : Therapy
        Full dose and the whole window.
    factors : iterable of float
        Share of the effect in each step: 1 is the full effect, 0 none.

    Returns
    -------
    tuple of Therapy
        One window a step. A factor f turns ``multiply`` m into ``m**f`` and scales ``add_per_day``; only the
        first step keeps ``survival``.

    Examples
    --------
    >>> full = Therapy(name="GvL", start_day=0, stop_day=60, effects=(Effect(multiply=4.0),))
    >>> [(step.start_day, step.effects[0].multiply) for step in staircase(full, factors=(1.0, 0.5))]
    [(0.0, 4.0), (30.0, 2.0)]
    """
    shares = tuple(factors)
    length = (therapy.stop_day - therapy.start_day) / len(shares)
    return tuple(
        replace(
            therapy,
            start_day=therapy.start_day + length * number,
            stop_day=therapy.start_day + length * (number + 1),
            effects=tuple(
                replace(
                    effect,
                    multiply=effect.multiply**share,
                    add_per_day=effect.add_per_day * share,
                    survival=effect.survival if number == 0 else 1.0,
                )
                for effect in therapy.effects
            ),
        )
        for number, share in enumerate(shares)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Cell types, their events and the therapies over time.

    Attributes
    ----------
    name : str
        For messages and captions.
    types : tuple of CellType
        In the order of every state vector.
    events : tuple of Event
        What cells do.
    therapies : tuple of Therapy
        When rates differ.
    start : mapping of str to float
        Cells on day 0; a type not named starts empty.

    Raises
    ------
    InputError
        All at once: an unknown type, a name that stands twice, a negative rate, overlapping windows of one
        therapy, an effect that selects nothing.

    Examples
    --------
    >>> model = Model(
    ...     name="one type",
    ...     types=(CellType(name="blast"),),
    ...     events=(
    ...         Event(kind="self_renewal", source="blast", products=("blast", "blast"), rate_per_day=0.2),
    ...         Event(kind="death", source="blast", products=(), rate_per_day=0.12),
    ...     ),
    ...     start={"blast": 1000},
    ... )
    >>> model.is_linear
    True
    """

    name: str
    types: tuple[CellType, ...]
    events: tuple[Event, ...]
    therapies: tuple[Therapy, ...] = ()
    start: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = [*_type_problems(self), *_event_problems(self), *_therapy_problems(self)]
        if problems:
            raise InputError(
                where=f"model {self.name}",
                found=f"{len(problems)} problems",
                needed="known types, rates of zero or more, windows of one therapy apart",
                advice="Mend the model; nothing is repaired or dropped.",
                problems=problems,
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the types.

        Returns
        -------
        tuple of str
            In the order of every state vector.
        """
        return tuple(cell.name for cell in self.types)

    @property
    def is_linear(self) -> bool:
        """Whether every cell lives independently of all others.

        Returns
        -------
        bool
            False with feedback or a supply from outside: then the exact results do not hold.
        """
        return all(event.source and event.feedback is None for event in self.events)

    def with_therapies(self, therapies: Iterable[Therapy]) -> Model:
        """The same cells under another plan.

        Parameters
        ----------
        therapies : iterable of Therapy
            The plan, in place of the model's own.

        Returns
        -------
        Model
            Checked anew.
        """
        return replace(self, therapies=tuple(therapies))

    def with_start(self, start: Mapping[str, float]) -> Model:
        """The same cells from another state.

        Parameters
        ----------
        start : mapping of str to float
            Cells on day 0.

        Returns
        -------
        Model
            Checked anew.
        """
        return replace(self, start=dict(start))


def _type_problems(model: Model) -> list[str]:
    names = model.names
    problems = [f"type {name}: stands twice" for name in sorted({n for n in names if names.count(n) > 1})]
    problems += [
        f"type {cell.name}: unknown parent {cell.parent}"
        for cell in model.types
        if cell.parent and cell.parent not in names
    ]
    problems += [f"start: unknown type {name}" for name in model.start if name not in names]
    problems += [
        f"start: {name} has {cells:g} cells" for name, cells in model.start.items() if not 0.0 <= cells < 1e18
    ]
    return problems if names else [*problems, "no cell type"]


def _event_problems(model: Model) -> list[str]:
    problems = []
    for number, event in enumerate(model.events, start=1):
        where = f"event {number} ({event.kind} of {event.source or 'outside'})"
        if event.kind not in EVENT_KINDS:
            problems.append(f"{where}: unknown kind, need one of {', '.join(EVENT_KINDS)}")
        used = [*event.products, *(event.feedback.weights if event.feedback else ())]
        unknown = {name for name in [*used, event.source] if name and name not in model.names}
        problems += [f"{where}: unknown type {name}" for name in sorted(unknown)]
        if not 0.0 <= event.rate_per_day < float("inf"):
            problems.append(f"{where}: rate {event.rate_per_day:g} per day")
        if bool(event.source) == (event.kind == "supply"):
            problems.append(f"{where}: only a supply, and every supply, comes from outside")
        if event.feedback is not None and event.feedback.form not in FEEDBACK_FORMS:
            problems.append(f"{where}: unknown feedback {event.feedback.form}")
    return problems


def _therapy_problems(model: Model) -> list[str]:
    problems = []
    by_name: dict[str, list[Therapy]] = {}
    for therapy in model.therapies:
        where = f"therapy {therapy.name} from day {therapy.start_day:g}"
        by_name.setdefault(therapy.name, []).append(therapy)
        if not 0.0 <= therapy.start_day <= therapy.stop_day:
            problems.append(f"{where}: stops on day {therapy.stop_day:g}, or starts before day 0")
        for effect in therapy.effects:
            if effect.multiply < 0.0 or effect.add_per_day < 0.0 or not 0.0 <= effect.survival <= 1.0:
                problems.append(f"{where}: a negative rate, or a survival outside 0 to 1")
            unknown = sorted(effect.types - set(model.names))
            problems += [f"{where}: unknown type {name}" for name in unknown]
            if not unknown and not any(effect.selects_cell(cell) for cell in model.types):
                problems.append(f"{where}: no type carries {effect.antigen or 'what it selects'}")
            if effect.add_per_day > 0.0:
                problems += [f"{where}: {problem}" for problem in _addition_problems(model, effect)]
    for name, windows in by_name.items():
        ordered = sorted(windows, key=lambda window: window.start_day)
        problems += [
            f"therapy {name}: window from day {later.start_day:g} overlaps the one to day {earlier.stop_day:g}"
            for earlier, later in itertools.pairwise(ordered)
            if later.start_day < earlier.stop_day
        ]
    return problems


def _addition_problems(model: Model, effect: Effect) -> list[str]:
    """An added rate needs exactly one event to stand on, or it would count twice or not at all."""
    if not effect.phases:
        return ["add_per_day needs phases, for a kill: death"]
    number = {
        cell.name: sum(
            event.source == cell.name and event.feedback is None and effect.selects_event(event, cell)
            for event in model.events
        )
        for cell in model.types
    }
    if not any(number.values()):
        return ["add_per_day finds no event without feedback to add to"]
    return [f"add_per_day finds {count} events of {name}" for name, count in number.items() if count > 1]
