"""Relapse under targeted therapy: whether, when, and by which route.

For each draw of the uncertain rates the disease first *grows* to the burden seen at diagnosis, so that resistant
and antigen-negative clones stand there as often and as large as the same rates make them; courses that would not
have presented as this disease are set aside, which is what the diagnosis says about the rates. Then therapy runs.
Overt relapse is the day on which all blasts together, once below, reach the overt share of the marrow; its route
is the group of types that leads on that day. Leukaemic cells that persist outside the blasts, without the
lymphoid clone, are a state and not a relapse.

Every probability is conditional on the model and its priors, most of which are unverified.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from remnant.dynamics.blueprint import build, draw, numbers_of, therapies
from remnant.dynamics.formula import evaluate
from remnant.dynamics.model import Model
from remnant.dynamics.process import Process, compile_process, type_indices
from remnant.dynamics.simulate import Settings, Trajectories, Watch, simulate
from remnant.errors import FitError
from remnant.forecast.plan import EscapePlan, PatientState
from remnant.forecast.routes import Diagnosis, EscapeForecast, Scale, summarise

__all__ = ["forecast_escape"]

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None]

_SEEDLING_CELLS = 1000.0
_GROWTH_DAYS = 6000.0
_OUTPUTS = 60


def forecast_escape(
    plan: EscapePlan, *, settings: Settings | None = None, progress: Progress | None = None
) -> tuple[EscapeForecast, ...]:
    """Distribution of relapse routes for every patient under the plan and each alternative.

    Parameters
    ----------
    plan : EscapePlan
        What is asked.
    settings : Settings or None, default None
        How to step.
    progress : callable or None, default None
        Called with a label, the courses done and all courses.

    Returns
    -------
    tuple of EscapeForecast
        Patients in order, the plan first and then its alternatives. All use the same draws of the rates and
        the same random streams, so differences between them are not noise of the draws.

    Raises
    ------
    FitError
        If no course presents as this disease, or a course cannot be simulated.
    """
    drawn = {
        name: values
        for name, values in draw(plan.blueprint, plan.draws, seed=plan.seed).items()
        if name not in plan.values
    }
    sets = [{**plan.values, **{name: float(v[i]) for name, v in drawn.items()}} for i in range(plan.draws)]
    models = [build(plan.blueprint, values) for values in sets]
    options = [("plan", ()), *((option.name, option.therapy) for option in plan.alternatives)]
    chosen = settings or Settings()
    results = []
    for patient in plan.patients:
        diagnosis = _grown(plan, patient, sets, models, settings=chosen, progress=progress)
        for name, added in options:
            treated = [_under(plan, model, values, added) for model, values in zip(models, sets, strict=True)]
            label = f"{patient.name}, {name}"
            runs = _treated(plan, treated, diagnosis, settings=chosen, progress=_labelled(progress, label))
            results.append(
                summarise(
                    (patient.name, name),
                    plan.blueprint.table["escape"],
                    diagnosis,
                    runs,
                    rates=drawn,
                    model=treated[0],
                    scale=Scale(
                        overt_cells=_limit(plan, "overt_share"),
                        seen_cells=_limit(plan, "seen_share"),
                        ceiling_cells=_limit(plan, "ceiling_share"),
                    ),
                )
            )
    return tuple(results)


def _labelled(progress: Progress | None, label: str) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(label, done, total)


def _under(
    plan: EscapePlan, model: Model, values: Mapping[str, float], added: Sequence[Mapping[str, Any]]
) -> Model:
    """The model of one draw under the plan and what is added to it."""
    numbers, where = numbers_of(plan.blueprint, values), f"plan {plan.title}"
    own = model.therapies if plan.therapy is None else therapies(plan.therapy, numbers, where=where)
    return model.with_therapies([*own, *therapies(added, numbers, where=where)])


def _grown(
    plan: EscapePlan,
    patient: PatientState,
    sets: list[dict[str, float]],
    models: list[Model],
    *,
    settings: Settings,
    progress: Progress | None,
) -> Diagnosis:
    """Every course from a seedling to the burden at diagnosis; those that present as this disease."""
    escape = plan.blueprint.table["escape"]
    processes = [compile_process(model.with_therapies(()), horizon_days=_GROWTH_DAYS) for model in models]
    rng = np.random.default_rng([plan.seed, 1])
    count = plan.draws * plan.replicates
    names = processes[0].names
    starts = np.zeros((count, len(names)))
    starts[:, names.index(escape["grown"])] = _SEEDLING_CELLS
    pools = _pools(plan, sets)
    fractions = {name: patient.compartments[name].sample(count, rng) for name in pools}
    for name, pool in pools.items():
        starts[:, names.index(name)] = fractions[name] * np.repeat(pool, plan.replicates)
    main = next(iter(escape["routes"].values()))
    runs = simulate(
        processes,
        [_GROWTH_DAYS],
        replicates=count,
        seed=plan.seed,
        settings=settings,
        starts=starts,
        watch=Watch(weights=dict.fromkeys(main, 1.0), limit_cells=patient.burden_cells),
        progress=_labelled(progress, f"{patient.name}, growth to diagnosis"),
    )
    blasts = [name for group in escape["routes"].values() for name in group]
    presenting_share = _number(plan, "presenting_share")
    total = runs.end_cells[:, type_indices(processes[0], blasts)].sum(axis=1)
    presenting = runs.end_cells[:, type_indices(processes[0], main)].sum(axis=1) >= presenting_share * total
    kept = np.flatnonzero(runs.crossed & presenting)
    if kept.size == 0:
        raise FitError(
            where=f"patient {patient.name}",
            found="no course that presents as this disease",
            needed=f"one of {count} to reach {patient.burden_cells:g} cells",
            advice="Look at the priors of growth and transformation.",
        )
    cells = runs.end_cells[kept]
    for name in pools:
        cells[:, names.index(name)] = starts[kept, names.index(name)]
    return Diagnosis(draw=kept // plan.replicates, cells=np.round(cells), presented=kept.size / count)


def _pools(plan: EscapePlan, sets: list[dict[str, float]]) -> dict[str, FloatArray]:
    """Cells in each compartment, leukaemic and normal, for each draw."""
    formulas: Mapping[str, Any] = plan.blueprint.table["escape"]["compartments"]
    return {name: _values(plan, sets, formula) for name, formula in formulas.items()}


def _values(plan: EscapePlan, sets: list[dict[str, float]], formula: str | float) -> FloatArray:
    where = f"model {plan.blueprint.name}, escape"
    return np.array([evaluate(formula, numbers_of(plan.blueprint, values), where=where) for values in sets])


def _treated(
    plan: EscapePlan,
    models: list[Model],
    diagnosis: Diagnosis,
    *,
    settings: Settings,
    progress: Callable[[int, int], None] | None,
) -> Trajectories:
    escape = plan.blueprint.table["escape"]
    processes: list[Process] = [compile_process(model, horizon_days=plan.horizon_days) for model in models]
    blasts = [name for group in escape["routes"].values() for name in group]
    limit = _limit(plan, "overt_share")
    return simulate(
        [processes[number] for number in diagnosis.draw],
        np.linspace(0.0, plan.horizon_days, _OUTPUTS + 1),
        replicates=diagnosis.draw.size,
        seed=plan.seed + 1,
        settings=settings,
        starts=diagnosis.cells,
        watch=Watch(
            weights=dict.fromkeys(blasts, 1.0), limit_cells=limit, ceiling_cells=_limit(plan, "ceiling_share")
        ),
        progress=progress,
    )


def _number(plan: EscapePlan, key: str) -> float:
    numbers = numbers_of(plan.blueprint, plan.values)
    where = f"model {plan.blueprint.name}, escape"
    return evaluate(plan.blueprint.table["escape"][key], numbers, where=where)


def _limit(plan: EscapePlan, share: str) -> float:
    return _number(plan, share) * _number(plan, "marrow_cells")
