"""Speed and error of the clone simulator beside GillesPy2 and bioscrape, in the same run.

The model has four types and eleven events (progenitor, CD19+ blast, CD19-negative mutant, myeloid); the outcome is
the state after 20, 60, 90 and 260 days. Every solver runs in a process of its own, on one core, in turns; the
figure is the median over the rounds. *Start-up excluded* compares seconds per replicate inside the process. Start-up
is the launch of the process, its imports and its compilation (ours is cached on disk); *included* spreads it over
1,000 replicates, computed from the same medians, for the peer alone and for both. Peers live in environments made from ``benchmarks/peers/NAME.txt`` under ``build/peers``.

``--rounds N`` changes the number of rounds (7).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any, Final

import numpy as np

from _form import Figure, finish
from remnant.dynamics.extinction import probability_none
from remnant.dynamics.model import CellType, Event, EventKind, Model
from remnant.dynamics.moments import moments
from remnant.dynamics.process import compile_process
from remnant.dynamics.simulate import Method, Settings, simulate

HERE: Final = Path(__file__).resolve().parent
BUILD: Final = HERE.parent / "build" / "peers"
START: Final = {"P": 100, "B": 1000, "N": 0, "M": 0}
EVENTS: Final[list[tuple[EventKind, str, str, float]]] = [
    ("self_renewal", "P", "PP", 0.10),
    ("death", "P", "", 0.03),
    ("differentiation", "P", "B", 0.02),
    ("differentiation", "P", "M", 0.01),
    ("self_renewal", "B", "BB", 0.20),
    ("death", "B", "", 0.12),
    ("antigen_loss", "B", "BN", 2e-7),
    ("self_renewal", "N", "NN", 0.20),
    ("death", "N", "", 0.12),
    ("self_renewal", "M", "MM", 0.10),
    ("death", "M", "", 0.15),
]
DAYS: Final = (20.0, 60.0, 90.0)
BARS: Final = {20.0: 30.0, 60.0: 150.0, 90.0: 1000.0}
CASES: Final[dict[str, list[tuple[float, int]]]] = {
    "leap": [(20.0, 4000), (60.0, 2000), (90.0, 1000)],
    "exact": [(20.0, 200), (60.0, 12)],
    "bioscrape": [(20.0, 200), (60.0, 12), (90.0, 1)],
    "gillespy2": [(20.0, 200), (60.0, 12), (90.0, 1)],
}
TIMEOUT_SECONDS: Final = 60


def four_types() -> Model:
    """The model of the comparison.

    Returns
    -------
    Model
        Four types, eleven events.
    """
    return Model(
        name="four types",
        types=tuple(CellType(name=name) for name in START),
        events=tuple(
            Event(kind=kind, source=source, products=tuple(products), rate_per_day=rate)
            for kind, source, products, rate in EVENTS
        ),
        start=START,
    )


def solve_here(method: Method, seed: int) -> None:
    """Run our own cases in this process and print them, as the peers do.

    Parameters
    ----------
    method : {"leap", "exact"}
        Solver.
    seed : int
        Seed.
    """
    settings = Settings(method=method, workers=1)
    process = compile_process(four_types(), horizon_days=90.0)
    simulate(process, [1.0], replicates=1, seed=seed, settings=settings)
    answers = []
    for days, replicates in CASES[method]:
        begin = time.perf_counter()
        runs = simulate(process, [days], replicates=replicates, seed=seed, settings=settings)
        seconds = time.perf_counter() - begin
        answers.append({"seconds": seconds / replicates, "mean": runs.cells[:, 0].mean(axis=0).tolist()})
    print(json.dumps(answers))


def environment(name: str) -> tuple[Path, dict[str, str]]:
    """Interpreter and variables of a peer's environment, made on first use.

    Parameters
    ----------
    name : str
        Peer.

    Returns
    -------
    python : Path
        Interpreter.
    variables : dict
        With PYTHONPATH: GillesPy2's compiled solvers look for their build tool with the bare interpreter.
    """
    folder = BUILD / name
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "-r", HERE / "peers" / f"{name}.txt"], check=True
        )
        (folder / "ready").touch()
    packages = next((folder / "lib").glob("python3*")) / "site-packages"
    return python, {**os.environ, "PYTHONPATH": str(packages), "OMP_NUM_THREADS": "1"}


def run(name: str, seed: int, cases: list[tuple[float, int]]) -> tuple[float, list[dict[str, Any]]]:
    """One round of one solver.

    Parameters
    ----------
    name : str
        ``leap``, ``exact`` or a peer.
    seed : int
        Seed.
    cases : list of (float, int)
        Days and replicates.

    Returns
    -------
    start_up : float
        Seconds of the process that were not spent on the cases.
    answers : list of dict
        One a case.
    """
    if name in {"leap", "exact"}:
        command: list[Any] = [sys.executable, __file__, "--solve", name, str(seed)]
        variables = dict(os.environ)
    else:
        python, variables = environment(name)
        task = {
            "start": START,
            "events": [(source, list(products), rate) for _, source, products, rate in EVENTS],
            "cases": cases,
            "seed": seed,
            "timeout": TIMEOUT_SECONDS,
        }
        command = [python, HERE / "peers" / f"{name}_four_types.py", json.dumps(task)]
    begin = time.perf_counter()
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=variables)
    if done.returncode:
        msg = f"{name} failed:\n{done.stderr}"
        raise SystemExit(msg)
    wall = time.perf_counter() - begin
    answers: list[dict[str, Any]] = json.loads(done.stdout.strip().splitlines()[-1])
    inside = sum(
        answer.get("seconds", 0.0) * replicates
        for answer, (_, replicates) in zip(answers, cases, strict=True)
    )
    return wall - inside, answers


def speeds(rounds: int) -> list[Figure]:
    """Ratios to the best peer, medians over alternated rounds.

    Parameters
    ----------
    rounds : int
        Number of rounds.

    Returns
    -------
    list of Figure
        Seconds, ratios and bars.
    """
    seconds: dict[tuple[str, float], list[float]] = {}
    start_up: dict[str, list[float]] = {}
    failures: list[str] = []
    for name in CASES:
        run(name, rounds + 1, CASES[name])
    for number in range(rounds):
        for name, cases in CASES.items():
            extra, answers = run(name, number + 1, cases)
            start_up.setdefault(name, []).append(extra)
            for (days, _), answer in zip(cases, answers, strict=True):
                if "failed" in answer:
                    failures.append(f"{name} at {days:g} d: {answer['failed']}")
                else:
                    seconds.setdefault((name, days), []).append(answer["seconds"])
    median = {key: statistics.median(values) for key, values in seconds.items()}
    launch = {name: statistics.median(values) for name, values in start_up.items()}
    figures = [
        Figure(f"{name}, {days:g} d, ms per replicate", 1e3 * value) for (name, days), value in median.items()
    ]
    figures += [Figure(f"{name}, start-up, s", value) for name, value in launch.items()]
    figures += [Figure("peer runs that failed", "; ".join(failures) or "none")]
    for days in DAYS:
        peers = [name for name in ("bioscrape", "gillespy2") if (name, days) in median]
        ours = median["leap", days]
        excluded = min(median[name, days] for name in peers) / ours
        bar = BARS[days]
        with_peers = min(launch[name] / 1e3 + median[name, days] for name in peers) / ours
        with_both = with_peers * ours / (launch["leap"] / 1e3 + ours)
        figures += [
            Figure(
                f"leap over best peer, {days:g} d, start-up excluded",
                excluded,
                f">= {bar:g}",
                excluded >= bar,
            ),
            Figure(
                f"leap over best peer, {days:g} d, 1000 replicates, peer start-up included",
                with_peers,
                f">= {bar:g}",
                with_peers >= bar,
            ),
            Figure(f"leap over best peer, {days:g} d, 1000 replicates, both start-ups included", with_both),
        ]
    for days in DAYS[:2]:
        ratio = median["bioscrape", days] / median["exact", days]
        figures.append(Figure(f"exact over bioscrape, {days:g} d", ratio, ">= 1", ratio >= 1.0))
    return figures


def errors() -> list[Figure]:
    """Error of the leap against the exact mean and the exact probability of no mutant.

    Returns
    -------
    list of Figure
        Largest relative error of the mean over P, B and M, and z of P(no mutant).
    """
    figures = []
    for days, replicates in ((20.0, 40_000), (60.0, 40_000), (90.0, 40_000), (260.0, 20_000)):
        process = compile_process(four_types(), horizon_days=days)
        exact = moments(process, [days])
        cells = simulate(process, [days], replicates=replicates, seed=97).cells[:, 0]
        kept = [0, 1, 3]
        off = cells.mean(axis=0)[kept] / exact.mean[0][kept] - 1.0
        error = exact.sd[0][kept] / exact.mean[0][kept] / np.sqrt(replicates)
        worst = int(np.abs(off).argmax())
        figures.append(
            Figure(
                f"leap, {days:g} d, largest error of a mean, % (standard error {100 * error[worst]:.2f})",
                float(100 * abs(off[worst])),
                "< 0.5",
                bool(abs(off[worst]) < 0.005),
            )
        )
        if days < 200.0:
            expected = probability_none(process, ["N"], days)
            seen = float((cells[:, 2] == 0).mean())
            z = (seen - expected) / np.sqrt(expected * (1 - expected) / replicates)
            figures.append(
                Figure(
                    f"leap, {days:g} d, P(no mutant) {seen:.4f}, exact {expected:.4f}: z",
                    float(abs(z)),
                    "<= 3",
                    bool(abs(z) <= 3.0),
                )
            )
    return figures


def reach(rounds: int) -> list[Figure]:
    """A thousand replicates to 10^12 cells on two cores, what a peer does there, and the exact route.

    Parameters
    ----------
    rounds : int
        Number of timings.

    Returns
    -------
    list of Figure
        Seconds.
    """
    process = compile_process(four_types(), horizon_days=260.0)
    simulate(process, [260.0], replicates=2, seed=1)
    leap, exact = [], []
    largest = 0.0
    for number in range(rounds):
        begin = time.perf_counter()
        runs = simulate(process, [260.0], replicates=1000, seed=number, settings=Settings(workers=2))
        leap.append(time.perf_counter() - begin)
        largest = float(runs.of("B").mean())
        begin = time.perf_counter()
        probability_none(process, ["N"], 90.0)
        exact.append(time.perf_counter() - begin)
    seconds, route = statistics.median(leap), statistics.median(exact)
    _, answers = run("gillespy2", 1, [(260.0, 1)])
    return [
        Figure(f"leap, 1000 replicates to {largest:.2g} cells, two cores, s", seconds, "< 2", seconds < 2.0),
        Figure("gillespy2, 260 d, one replicate", answers[0].get("failed", "finished")),
        Figure("P(no CD19-negative cell at 90 d), exact route, s", route, "< 0.2", route < 0.2),
    ]


def main() -> None:
    """Measure and print."""
    arguments = sys.argv[1:]
    if "--solve" in arguments:
        place = arguments.index("--solve")
        solve_here("exact" if arguments[place + 1] == "exact" else "leap", int(arguments[place + 2]))
        return
    rounds = int(arguments[arguments.index("--rounds") + 1]) if "--rounds" in arguments else 7
    finish("Clone dynamics", [*speeds(rounds), *errors(), *reach(rounds)])


if __name__ == "__main__":
    main()
