"""bioscrape's direct method on the four-type model: reads tasks, prints seconds and means as JSON.

Run by benchmarks/dynamics.py in an environment of its own.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from bioscrape.random import py_seed_random
from bioscrape.simulator import ModelCSimInterface, SSASimulator
from bioscrape.types import Model


def main() -> None:
    """Solve the tasks given as one JSON argument."""
    task = json.loads(sys.argv[1])
    model = Model(
        species=list(task["start"]),
        reactions=[
            ([source], products, "massaction", {"k": rate}) for source, products, rate in task["events"]
        ],
        initial_condition_dict=task["start"],
    )
    py_seed_random(task["seed"])
    simulator, interface = SSASimulator(), ModelCSimInterface(model)
    order = [model.get_species_list().index(name) for name in task["start"]]
    answers = []
    for days, replicates in task["cases"]:
        span = np.array([0.0, days])
        begin = time.perf_counter()
        last = np.array(
            [simulator.py_simulate(interface, span).py_get_result()[-1] for _ in range(replicates)]
        )
        seconds = time.perf_counter() - begin
        answers.append({"seconds": seconds / replicates, "mean": last.mean(axis=0)[order].tolist()})
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
