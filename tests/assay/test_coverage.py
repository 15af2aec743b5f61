"""The interval of a tube covers the true ratio at its stated rate, by true level, silent wells counted."""

import numpy as np
import pytest

from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import TUBE
from remnant.evidence.verbs import interval, upper_limit


@pytest.mark.coverage
def test_tube_interval_covers_by_true_level(noisy_bench):
    rng = np.random.default_rng(11)
    levels = np.repeat([0.2, 1.0, 3.0, 10.0, 100.0, 3000.0], 50)
    for plate in range(6):
        run_id = f"R-{plate}"
        noisy_bench.run(run_id)
        for i in range(plate, len(levels), 6):
            noisy_bench.sample(f"S-{i:03d}")
            noisy_bench.molecules(run_id, "ABL1", f"S-{i:03d}", rng.poisson([20_000] * 2))
            noisy_bench.molecules(run_id, "WT1", f"S-{i:03d}", rng.poisson([levels[i]] * 3))
    found = noisy_bench.quantified(learn=False).measurements
    truth = np.array([levels[int(one.sample_id[2:])] / 2.0 for one in found])
    batch = EvidenceBatch.of([one.evidence for one in found])
    within = interval(batch, include=TUBE)
    silent = np.array([one.positive_wells == 0 for one in found])
    covered = np.where(
        silent, truth <= upper_limit(batch, include=TUBE), (truth >= within.lower) & (truth <= within.upper)
    )
    assert len(found) == len(levels)
    assert 0.92 < covered.mean() < 0.985
    for level in np.unique(truth):
        assert covered[truth == level].mean() >= 0.86
