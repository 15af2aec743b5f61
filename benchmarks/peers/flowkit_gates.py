"""FlowKit on one file and one gate tree: seconds, peak memory above its import, counts. Prints one JSON object.

Run by ``benchmarks/flow.py`` with the interpreter of an environment that has ``flowkit.txt`` installed.
"""

import json
import resource
import sys
import time
import warnings

warnings.simplefilter("ignore")

import flowkit


def resident_mb() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Load, compensate and gate; with ``--values`` compensate and transform every fluorescence channel."""
    path, gates = sys.argv[1:3]
    before = resident_mb()
    start = time.perf_counter()
    sample = flowkit.Sample(path)
    if "--values" in sys.argv:
        sample.apply_compensation(sample.metadata["spillover"])
        sample.apply_transform(flowkit.transforms.LogicleTransform(262144, 0.5, 4.5, 0.0))
        counts: dict[str, int] = {}
    else:
        strategy = flowkit.parse_gating_xml(gates)
        result = strategy.gate_sample(sample)
        report = result.report
        counts = {str(name): int(n) for name, n in zip(report["gate_name"], report["count"], strict=True)}
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "megabytes": resident_mb() - before, "counts": counts}))


if __name__ == "__main__":
    main()
