"""Wells with a background that amplifies, against their literal definition."""

import numpy as np
import pytest
from scipy import stats

from remnant.numerics.amplified_background import Background, amplified_background, share_log_likelihood

_TECHNICAL = 0.06


def literal(share: float, reading: float, cells: float, background: Background) -> float:
    """Likelihood of one well: sum over background draws and over molecules, nothing clever."""
    draws = np.linspace(-7.0, 7.0, 2001)
    weights = stats.norm.pdf(draws)
    means = np.append(0.0, 10.0 ** (background.mean_log10 + background.sd_log10 * draws)) + cells * share
    chances = np.append(1.0 - background.probability, background.probability * weights / weights.sum())
    if np.isnan(reading):
        return float(chances @ np.exp(-means))
    molecules = np.arange(1, 4000)
    seen = stats.norm.pdf(reading, np.log10(molecules), _TECHNICAL)
    near = seen > 1e-14
    held = stats.poisson.pmf(molecules[near][None, :], means[:, None]) @ seen[near]
    return float(chances @ held)


@pytest.mark.definition
@pytest.mark.parametrize(
    ("readings", "background"),
    [
        ([np.nan, np.nan, np.nan], Background(0.3, 0.2, 0.4)),
        ([0.1, np.nan, 0.4], Background(0.3, 0.2, 0.4)),
        ([1.1, 1.3, 0.9], Background(0.15, 0.5, 0.5)),
        ([2.1, 2.0, 2.15], Background(0.6, 0.8, 0.3)),
    ],
)
def test_the_likelihood_is_that_of_its_definition(readings: list[float], background: Background) -> None:
    """Within 0.01 of brute force where the likelihood is not negligible."""
    cells = np.array([9e4, 1e5, 1.1e5])
    shares = np.append(-np.inf, np.linspace(-6.5, -2.5, 60))
    got = share_log_likelihood(
        shares,
        log10_copies=np.array(readings),
        cells=cells,
        technical_sd_log10=_TECHNICAL,
        background=background,
    )
    wells = list(zip(readings, cells, strict=True))
    want = np.array(
        [
            sum(np.log(max(literal(float(10.0**q), r, c, background), 1e-300)) for r, c in wells)
            for q in shares
        ]
    )
    relevant = want > want.max() - 8.0
    apart = (got - got[relevant].max()) - (want - want[relevant].max())
    assert np.abs(apart[relevant]).max() < 0.01


@pytest.mark.property
def test_more_amplified_blanks_are_more_background() -> None:
    """The probability rises with the share of wells that amplified, and never reaches 0 or 1."""
    found = [
        amplified_background(
            np.where(np.arange(6) < k, 0.3, np.nan), default_sd_log10=0.5, least_wells=0.5
        ).probability
        for k in range(7)
    ]
    assert np.all(np.diff(found) > 0)
    assert 0 < found[0] < found[-1] < 1
