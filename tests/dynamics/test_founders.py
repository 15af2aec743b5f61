"""The switch between the law and the mean of a clone's size."""

import math

import numpy as np
import pytest

from remnant.dynamics.founders import founders_for_mean, late_size
from remnant.dynamics.process import compile_process
from remnant.dynamics.simulate import simulate
from remnant.errors import InputError


@pytest.mark.reference
@pytest.mark.parametrize("founders", [1, 5, 25])
def test_the_law_is_that_of_the_simulation(founders, build_one_type):
    law = late_size(founders, 0.20, 0.12, days=150.0)
    assert law.description == "law"
    cells = simulate(
        compile_process(build_one_type(0.20, 0.12, founders), horizon_days=150),
        [150.0],
        replicates=4000,
        seed=2,
    ).of("A")[:, 0]
    assert (
        abs((cells == 0).mean() - law.extinct) < 4 * math.sqrt(law.extinct * (1 - law.extinct) / 4000) + 1e-3
    )
    size = np.log10(cells[cells > 0])
    assert abs(size.mean() - law.mean_log10) < 4 * law.sd_log10 / math.sqrt(size.size) + 0.005
    assert size.std() == pytest.approx(law.sd_log10, rel=0.08)
    assert law.sd_days == pytest.approx(law.sd_log10 * math.log(10) / 0.08)


@pytest.mark.property
def test_the_two_descriptions_meet_at_the_switch():
    switch = founders_for_mean()
    below, above = (late_size(n, 0.20, 0.12, days=150.0) for n in (switch - 1, switch))
    assert (below.description, above.description) == ("law", "mean")
    assert below.sd_log10 < 0.2
    assert below.mean_log10 == pytest.approx(above.mean_log10, abs=0.06)
    with pytest.raises(InputError, match="falls"):
        late_size(10, 0.1, 0.2, days=10.0)
