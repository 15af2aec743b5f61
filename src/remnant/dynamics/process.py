"""A model as arrays: what the exact results and the simulator both read.

Therapy windows cut time into *pieces* with constant rates. Types stand in the model's order (k of them),
events likewise (r), pieces by time (s). State vectors count cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remnant.dynamics.model import FEEDBACK_FORMS, CellType, Effect, Event, Model
from remnant.errors import InputError

__all__ = ["Process", "compile_process", "require_linear", "type_indices"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_WIDTH = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Process:
    """Rates and changes of a model, piece by piece.

    Attributes
    ----------
    names : tuple of str, length k
        Types.
    start : ndarray, shape (k,)
        Cells on day 0.
    source : ndarray of int, shape (r,)
        Type that each event happens to; -1 for a supply.
    change : ndarray, shape (r, k)
        Cells that each event adds or takes.
    products : ndarray of int, shape (r, 4)
        Types of the products, filled up with -1.
    edges : ndarray, shape (s + 1,)
        Days at which pieces begin; the last is the horizon.
    rates : ndarray, shape (s, r)
        Rate per cell and day in each piece.
    survival : ndarray, shape (s, k)
        Share of each type that survives the first day of each piece.
    form : ndarray of int, shape (r,)
        Feedback of each event: -1 none, else the position in `FEEDBACK_FORMS`.
    weights : ndarray, shape (r, k)
        Feedback weights.
    numbers : ndarray, shape (r, 3)
        Feedback constant, coefficient and half.
    """

    names: tuple[str, ...]
    start: FloatArray
    source: IntArray
    change: FloatArray
    products: IntArray
    edges: FloatArray
    rates: FloatArray
    survival: FloatArray
    form: IntArray
    weights: FloatArray
    numbers: FloatArray

    @property
    def is_linear(self) -> bool:
        """Whether every cell lives independently.

        Returns
        -------
        bool
            No feedback and no supply.
        """
        return bool((self.form < 0).all() and (self.source >= 0).all())

    def generator(self, piece: int) -> FloatArray:
        """Matrix A of the mean equation ``m' = A m`` in one piece.

        Parameters
        ----------
        piece : int
            Number of the piece.

        Returns
        -------
        ndarray, shape (k, k)
            Column i sums rate times change over the events of type i.
        """
        matrix = np.zeros((len(self.names), len(self.names)))
        np.add.at(matrix.T, self.source, self.rates[piece][:, np.newaxis] * self.change)
        return matrix


def compile_process(model: Model, *, horizon_days: float) -> Process:
    """Arrays of a model up to a horizon.

    Parameters
    ----------
    model : Model
        Checked model.
    horizon_days : float
        Last day, positive.

    Returns
    -------
    Process
        Pieces of constant rates.

    Raises
    ------
    InputError
        If the horizon is not positive or an event has more than four products.
    """
    if not 0.0 < horizon_days < float("inf"):
        raise InputError(
            where=f"model {model.name}",
            found=f"a horizon of {horizon_days:g} days",
            needed="a positive number of days",
            advice="Give the last day.",
        )
    index = {name: number for number, name in enumerate(model.names)}
    shape = (len(model.events), len(index))
    change, products = np.zeros(shape), np.full((shape[0], _WIDTH), -1, dtype=np.int64)
    for number, event in enumerate(model.events):
        if len(event.products) > _WIDTH:
            raise InputError(
                where=f"model {model.name}, event {number + 1}",
                found=f"{len(event.products)} products",
                needed=f"at most {_WIDTH}",
                advice="Split the event.",
            )
        if event.source:
            change[number, index[event.source]] -= 1.0
        for place, product in enumerate(event.products):
            change[number, index[product]] += 1.0
            products[number, place] = index[product]
    edges, rates, survival = _pieces(model, horizon_days)
    form, weights, numbers = _feedback(model.events, index)
    return Process(
        names=model.names,
        start=_vector(model.start, index),
        source=np.array([index.get(event.source, -1) for event in model.events], dtype=np.int64),
        change=change,
        products=products,
        edges=edges,
        rates=rates,
        survival=survival,
        form=form,
        weights=weights,
        numbers=numbers,
    )


def require_linear(process: Process) -> None:
    """Refuse a process with feedback where only independent cells have an exact answer.

    Parameters
    ----------
    process : Process
        Compiled model.

    Raises
    ------
    InputError
        If any event has feedback or comes from outside.
    """
    if not process.is_linear:
        raise InputError(
            where="exact result",
            found="a model with feedback or supply",
            needed="cells that live independently",
            advice="Use simulate, or mean_path for the deterministic equation.",
        )


def type_indices(process: Process, names: Sequence[str]) -> IntArray:
    """Positions of named types.

    Parameters
    ----------
    process : Process
        Compiled model.
    names : sequence of str
        Types.

    Returns
    -------
    ndarray of int
        In the order asked.

    Raises
    ------
    InputError
        If a name is unknown.
    """
    unknown = [name for name in names if name not in process.names]
    if unknown:
        raise InputError(
            where="types",
            found=", ".join(unknown),
            needed=f"names among {', '.join(process.names)}",
            advice="Check the spelling.",
        )
    return np.array([process.names.index(name) for name in names], dtype=np.int64)


def _vector(cells: Mapping[str, float], index: Mapping[str, int]) -> FloatArray:
    vector = np.zeros(len(index))
    for name, count in cells.items():
        vector[index[name]] = count
    return vector


def _pieces(model: Model, horizon_days: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Cut days, rates and survival: effects of windows that run together multiply, then add."""
    days = {0.0, horizon_days}
    for therapy in model.therapies:
        days |= {day for day in (therapy.start_day, therapy.stop_day) if day < horizon_days}
    edges = np.array(sorted(days))
    cells = {cell.name: cell for cell in model.types}
    base = np.array([event.rate_per_day for event in model.events])
    plain = np.array([event.feedback is None for event in model.events], dtype=bool)
    factor = np.ones((edges.size - 1, base.size))
    added = np.zeros_like(factor)
    survival = np.ones((edges.size - 1, len(cells)))
    for therapy in model.therapies:
        running = (edges[:-1] >= therapy.start_day) & (edges[:-1] < therapy.stop_day)
        first = edges[:-1] == therapy.start_day
        for effect in therapy.effects:
            chosen = np.array([_selected(effect, event, cells) for event in model.events], dtype=bool)
            reached = np.array([effect.selects_cell(cell) for cell in model.types])
            factor[np.ix_(running, chosen)] *= effect.multiply
            added[np.ix_(running, chosen & plain)] += effect.add_per_day
            survival[np.ix_(first, reached)] *= effect.survival
    return edges, base * factor + added, survival


def _selected(effect: Effect, event: Event, cells: Mapping[str, CellType]) -> bool:
    return bool(event.source) and effect.selects_event(event, cells[event.source])


def _feedback(events: Sequence[Event], index: Mapping[str, int]) -> tuple[IntArray, FloatArray, FloatArray]:
    form = np.full(len(events), -1, dtype=np.int64)
    weights = np.zeros((len(events), len(index)))
    numbers = np.zeros((len(events), 3))
    for number, event in enumerate(events):
        if event.feedback is not None:
            form[number] = FEEDBACK_FORMS.index(event.feedback.form)
            weights[number] = _vector(event.feedback.weights, index)
            numbers[number] = event.feedback.constant, event.feedback.coefficient, event.feedback.half
    return form, weights, numbers
