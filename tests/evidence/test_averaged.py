"""The likelihood of a population's centre against plain numerical integration."""

import numpy as np
import pytest
from scipy import integrate, stats

from remnant.evidence.averaged import averaged_likelihood
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import CountsEvidence, ReportedEvidence

CENTRES = np.linspace(-2.0, 2.5, 10)


def count(k, background=0.0):
    return CountsEvidence(
        k=k, exposure=10.0, background=background, dispersion=0.0, log10_low=-5.0, log10_high=5.0
    )


def brute_force(k, sd, background=0.0):
    def averaged(centre):
        def weight(x):
            return stats.poisson.pmf(k, 10.0 * (10.0**x + background)) * stats.norm.pdf(x, centre, sd)

        return integrate.quad(weight, centre - 9 * sd, centre + 9 * sd, limit=400, points=[centre])[0]

    return np.array([averaged(centre) for centre in CENTRES])


@pytest.mark.definition
@pytest.mark.parametrize("sd", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("k", [0, 1, 4, 30, 3000])
def test_equals_integration_up_to_one_factor_a_row(k, sd):
    got = averaged_likelihood(EvidenceBatch.of([count(k)]), CENTRES, np.array([sd]))[0]
    exact = brute_force(k, sd)
    known = exact > 1e-3 * exact.max()
    ratio = got[known] / exact[known]
    assert ratio == pytest.approx(np.full(known.sum(), ratio[exact[known].argmax()]), rel=0.02)


@pytest.mark.definition
def test_the_factor_does_not_depend_on_the_spread():
    batch = EvidenceBatch.of([count(30)] * 2)
    got = averaged_likelihood(batch, CENTRES, np.array([0.1, 0.6]))
    at = int(np.argmin(np.abs(CENTRES - 0.5)))
    exact = [brute_force(30, sd)[at] for sd in (0.1, 0.6)]
    assert got[0, at] / got[1, at] == pytest.approx(exact[0] / exact[1], rel=0.02)


@pytest.mark.property
def test_an_undetected_sample_is_level_far_below_its_limit_and_excludes_what_is_far_above():
    limit = ReportedEvidence(
        value=None, sd_log10=0.0, upper_limit=1.0, lower_limit=None, log10_low=-4.0, log10_high=4.0
    )
    batch = EvidenceBatch.of([count(0), limit])
    got = averaged_likelihood(batch, np.array([-30.0, -6.0, 3.0]), np.array([0.3, 0.3]))
    assert got[:, 0] == pytest.approx(got[:, 1], rel=1e-3)
    assert (got[:, 2] < 1e-9).all()
