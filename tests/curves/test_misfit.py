"""What an assay's curves miss the sigmoid by in common: against its definition, and what is left as noise."""

import numpy as np
import pytest

from remnant.assay.qpcr.amplification import read_curves
from remnant.numerics.sigmoid import fit_sigmoids, sigmoid
from remnant.numerics.sigmoid_misfit import shared_misfit
from remnant.numerics.sigmoid_points import sigmoid_points

from .conftest import CYCLES, noisy, plate_of

LEVELS = np.array([17.0, 20.5, 24.0, 27.5])


def dilutions(each, *, noise, seed=0):
    """Four dilutions of one assay whose rise no sigmoid fits, the less so the earlier it is."""
    rng = np.random.default_rng(seed)
    place = np.repeat(LEVELS, each) + rng.normal(0.0, 0.05, 4 * each)
    shape = np.stack([np.log(place), np.full(4 * each, 1.8), np.full(4 * each, 0.2)], axis=1)
    height = rng.uniform(9.0, 11.0, 4 * each)
    away = CYCLES[None, :] - place[:, None]
    missed = (0.012 - 0.0004 * place[:, None]) * np.sin(away / 1.7) * np.exp(-np.square(away) / 60.0)
    clean = sigmoid(CYCLES, shape, floor=np.ones(4 * each), height=height) + height[:, None] * missed
    return clean, clean + height[:, None] * rng.normal(0.0, noise, clean.shape)


def parts(curves, group, least=8):
    fits = fit_sigmoids(CYCLES, curves)
    anchor = sigmoid_points(CYCLES, curves, fits, share=0.15).second_derivative
    misfit = shared_misfit(CYCLES, curves, fits, anchor=anchor, group=group, least_curves=least)
    residual = curves - sigmoid(CYCLES, fits.shape, floor=fits.floor, height=fits.height)
    return residual / fits.height[:, None], misfit / fits.height[:, None], anchor


@pytest.mark.definition
def test_misfit_is_a_weighted_polynomial_in_the_anchor_of_each_bin():
    _, curves = dilutions(3, noise=1e-3)
    curves[2, 10] = np.nan
    residual, got, anchor = parts(curves, np.zeros(12, dtype=np.int64), least=4)
    z = (anchor - anchor.mean()) / anchor.std()
    away = CYCLES[None, :] - anchor[:, None]
    low = np.floor(away).astype(int)
    bins = range(low.min(), low.max() + 2)
    common = {b: np.zeros(12) for b in bins}
    factor = dict.fromkeys(bins, 1.0)
    for b in bins:
        weight = np.where(low == b, 1.0 - (away - low), 0.0) + np.where(low == b - 1, away - low, 0.0)
        weight[~np.isfinite(residual)] = 0.0
        total = weight.sum()
        if total < 4:
            continue
        terms = min(1 + int(total // 4), 3)
        design = np.stack([z**k for k in range(terms)], axis=1)
        moment = (design * weight.sum(axis=1, keepdims=True)).T @ design
        moment += 1e-3 * np.diag([0.0] + [1.0] * (terms - 1))
        right = design.T @ (weight * np.nan_to_num(residual)).sum(axis=1)
        common[b] = design @ np.linalg.solve(moment, right)
        factor[b] = (1.0 - 2.0 / 3.0 * terms / total) ** -0.5
    for i in range(12):
        for j in range(len(CYCLES)):
            if not np.isfinite(residual[i, j]):
                assert got[i, j] == 0.0
                continue
            share, b = away[i, j] - low[i, j], low[i, j]
            mean = (1 - share) * common[b][i] + share * common[b + 1][i]
            scale = (1 - share) * factor[b] + share * factor[b + 1]
            assert got[i, j] == pytest.approx(residual[i, j] - scale * (residual[i, j] - mean), abs=1e-9)


@pytest.mark.coverage
def test_standard_errors_are_the_spread_that_fluorescence_noise_gives():
    """No pipetting here: the Cq of every curve is compared with that of the same curve without noise."""
    clean, _ = dilutions(12, noise=0.0)
    plain = read_curves(plate_of(clean))
    off, stated = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        got = read_curves(plate_of(clean + 10.0 * rng.normal(0.0, 1.5e-3, clean.shape)))
        off.append([got.cq - plain.cq, got.tangent_cq - plain.tangent_cq])
        stated.append([got.cq_se, got.tangent_se])
    z = np.array(off) / np.array(stated)
    for each in np.moveaxis(z, 1, 0):
        for level in np.split(each, 4, axis=1):
            assert 0.7 < np.sqrt(np.square(level).mean()) < 1.3


@pytest.mark.property
def test_an_assay_with_few_curves_shares_nothing_and_noise_keeps_its_variance():
    _, few = dilutions(1, noise=1e-3)
    assert not parts(few, np.zeros(4, dtype=np.int64))[1].any()
    curves = noisy(64, seed=3, sd=0.05)
    residual, misfit, _ = parts(curves, np.repeat(np.arange(4), 16))
    left = np.square(residual - misfit).mean(axis=1) / np.square(residual).mean(axis=1)
    assert np.median(left) == pytest.approx(1.0, abs=0.1)
