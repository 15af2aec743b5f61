"""Relapse under targeted therapy, from a plan: probabilities by route, dates, and what the answer hangs on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from remnant.cli.answer import Answer, command
from remnant.cli.printed import listed
from remnant.cli.progress import stages
from remnant.dynamics.blueprint import build
from remnant.dynamics.process import compile_process
from remnant.dynamics.simulate import Settings
from remnant.dynamics.step_check import StepCheck, check_step
from remnant.forecast.escape import forecast_escape
from remnant.forecast.identify import RateReport, confounded_pairs, identifiability
from remnant.forecast.plan import EscapePlan, read_plan
from remnant.forecast.routes import EscapeForecast
from remnant.report.draw import png, svg
from remnant.report.dynamics import route_bars, trajectory_fans
from remnant.units import number_text

__all__ = ["escape"]

_STEP_DAYS = 60.0
_STEP_REPLICATES = 400
_CONDITIONAL = "Every probability is conditional on the model and its priors, most of which are unverified. Research use only."


@command
def escape(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN", help="Plan file, TOML.", exists=True, dir_okay=False)
    ],
    *,
    out: Annotated[Path | None, typer.Option(help="Folder for the figures, SVG and PNG.")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Threads; 0 takes one a core.")] = 0,
    check: Annotated[
        bool, typer.Option("--check-step", help="Measure the step error of the simulator.")
    ] = False,
) -> Answer:
    """Simulate relapse under a plan: whether, when and by which route.

    Parameters
    ----------
    plan : pathlib.Path
        Plan file.
    out : pathlib.Path or None, default None
        Folder for the figures.
    workers : int, default 0
        Threads.
    check : bool, default False
        Measure the step error of the simulator, too.

    Returns
    -------
    Answer
        Outcomes of every patient and plan, and the report on the rates.
    """
    asked = read_plan(plan)
    settings = Settings(workers=workers)
    with stages() as told:
        forecasts = forecast_escape(asked, settings=settings, progress=told)
    reports = identifiability(forecasts[0])
    paths = [] if out is None else _figures(asked, forecasts, out)
    step = _checked(asked, settings) if check else None
    columns = (
        "patient",
        "plan",
        "outcome",
        "probability, %",
        "± SE",
        "median day",
        "5-95 %",
        "at diagnosis, %",
    )
    shown: list[Any] = [
        asked.title,
        listed(columns, (row for forecast in forecasts for row in _rows(forecast)), right=columns[3:]),
        *(_sentence(forecast) for forecast in forecasts),
        "What the first forecast hangs on:",
        listed(
            ("rate", "learned, %", "explains", "of its variation, %"),
            map(_report_row, reports[:8]),
            right=("learned, %", "of its variation, %"),
        ),
        *(
            f"Not told apart by the data: {one} and {two} ({value:+.2f})."
            for one, two, value in confounded_pairs(forecasts[0])
        ),
        *([] if step is None else [_step_sentence(step, settings.step_days)]),
        *(f"written: {path}" for path in paths),
        _CONDITIONAL,
    ]
    return Answer(data=_data(asked, forecasts, reports, step=step, paths=paths), shown=tuple(shown))


def _rows(forecast: EscapeForecast) -> list[tuple[object, ...]]:
    return [
        (
            forecast.patient,
            forecast.plan,
            share.outcome,
            f"{100 * share.probability:.1f}" if share.probability else f"none of {forecast.outcome.size}",
            f"{100 * share.standard_error:.1f}",
            None if share.median_days is None else f"{share.median_days:.0f}",
            None if share.early_days is None else f"{share.early_days:.0f}-{share.late_days:.0f}",
            None if share.preexisting is None else f"{100 * share.preexisting:.0f}",
        )
        for share in forecast.shares
    ]


def _step_sentence(step: StepCheck, step_days: float) -> str:
    return (
        f"Step of {step_days:g} d: error of a mean at most {step.worst_percent:.2g} %"
        f" beyond chance, over {_STEP_DAYS:g} days and {_STEP_REPLICATES} courses."
    )


def _sentence(forecast: EscapeForecast) -> str:
    last = forecast.shares[-3].outcome
    peak = int(forecast.persistence[1:].argmax()) + 1
    day = forecast.trajectories.days[peak]
    cells = (
        ""
        if forecast.cells_to_see is None
        else f", {number_text(forecast.cells_to_see)} cells to look at (20 events, 95 %)"
    )
    return (
        f"{forecast.patient}, {forecast.plan}: persistence without relapse at most {100 * forecast.persistence[peak]:.0f} % "
        f"(day {day:.0f}); "
        f"'{last}' there at diagnosis {100 * forecast.preexisting_probability:.1f} %{cells}."
    )


def _report_row(report: RateReport) -> tuple[object, ...]:
    return (
        report.rate,
        f"{100 * max(report.learned, 0.0):.0f}",
        report.outcome,
        f"{100 * report.explained:.0f}",
    )


def _checked(plan: EscapePlan, settings: Settings) -> StepCheck:
    patient = plan.patients[0]
    model = build(plan.blueprint, plan.values)
    grown = plan.blueprint.table["escape"]["grown"]
    process = compile_process(model.with_start({grown: patient.burden_cells}), horizon_days=_STEP_DAYS)
    return check_step(
        process,
        np.array([0.5, 1.0]) * _STEP_DAYS,
        replicates=_STEP_REPLICATES,
        seed=plan.seed,
        settings=settings,
    )


def _figures(plan: EscapePlan, forecasts: tuple[EscapeForecast, ...], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    routes = plan.blueprint.table["escape"]["routes"]
    specs = {"routes": route_bars(forecasts, title=f"{plan.title}: outcomes (from priors)")}
    for number, forecast in enumerate(forecasts, start=1):
        title = f"{forecast.patient}, {forecast.plan}: median, 50 % and 90 % of courses (from priors)"
        specs[f"courses-{number}"] = trajectory_fans(
            forecast.trajectories, routes, therapies=forecast.therapies, title=title
        )
    paths = []
    for name, spec in specs.items():
        drawing = svg(spec, description=f"{plan.title}: {name}")
        for suffix, content in ((".svg", drawing.encode("utf-8")), (".png", png(drawing))):
            path = folder / f"{name}{suffix}"
            path.write_bytes(content)
            paths.append(path)
    return paths


def _data(
    plan: EscapePlan,
    forecasts: tuple[EscapeForecast, ...],
    reports: tuple[RateReport, ...],
    *,
    step: StepCheck | None,
    paths: list[Path],
) -> dict[str, Any]:
    return {
        "title": plan.title,
        "model": plan.blueprint.name,
        "model_version": plan.blueprint.version,
        "seed": plan.seed,
        "forecasts": [
            {
                "patient": forecast.patient,
                "plan": forecast.plan,
                "shares": list(forecast.shares),
                "presented": forecast.presented,
                "persistence": dict(
                    zip(forecast.trajectories.days.tolist(), forecast.persistence.tolist(), strict=True)
                ),
                "cells_to_see": forecast.cells_to_see,
                "preexisting_probability": forecast.preexisting_probability,
            }
            for forecast in forecasts
        ],
        "rates": list(reports),
        "step_worst_z": None if step is None else step.worst_z,
        "step_worst_percent": None if step is None else step.worst_percent,
        "files": paths,
        "note": _CONDITIONAL,
    }
