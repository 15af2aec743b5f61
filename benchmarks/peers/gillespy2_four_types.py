"""GillesPy2's C++ direct method on the four-type model: reads tasks, prints seconds and means as JSON.

Run by benchmarks/dynamics.py in an environment of its own. A trajectory that did not finish is a failure; GillesPy2
itself would hand back zeros for it.
"""

from __future__ import annotations

import json
import sys
import time

import gillespy2
import numpy as np
from gillespy2 import SSACSolver


def main() -> None:
    """Solve the tasks given as one JSON argument."""
    task = json.loads(sys.argv[1])
    model = gillespy2.Model(name="four_types")
    species = {
        name: gillespy2.Species(name=name, initial_value=cells, mode="discrete")
        for name, cells in task["start"].items()
    }
    model.add_species(list(species.values()))
    for number, (source, products, rate) in enumerate(task["events"]):
        parameter = gillespy2.Parameter(name=f"k{number}", expression=rate)
        model.add_parameter(parameter)
        model.add_reaction(
            gillespy2.Reaction(
                name=f"r{number}",
                reactants={source: 1},
                products={name: products.count(name) for name in set(products)},
                rate=parameter,
            )
        )
    solver = SSACSolver(model)
    answers = []
    for days, replicates in task["cases"]:
        solver.model.timespan(np.array([0.0, days]))
        begin = time.perf_counter()
        runs = solver.run(number_of_trajectories=replicates, seed=task["seed"], timeout=task["timeout"])
        seconds = time.perf_counter() - begin
        failed = [run for run in runs if run.rc != 0 or run["time"][-1] < days]
        if failed or len(runs) != replicates:
            answers.append({"failed": f"timed out after {task['timeout']} s"})
            continue
        last = np.array([[run[name][-1] for name in task["start"]] for run in runs])
        answers.append({"seconds": seconds / replicates, "mean": last.mean(axis=0).tolist()})
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
