"""Made-up studies that several tests look at."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from remnant.example import StudyA, simulate_study_a
from remnant.example.assay import draw_laboratory
from remnant.example.cohort import draw_fates
from remnant.example.truth import patient_truth
from remnant.example.visits import FollowUp, follow

SEEDS = range(16)


@dataclass(frozen=True)
class Many:
    """Patients of many studies of one world, without their wells."""

    follow_ups: tuple[FollowUp, ...]
    truth: pl.DataFrame


def many(world: str) -> Many:
    follow_ups = []
    for seed in SEEDS:
        rng = np.random.default_rng([seed, 77])
        laboratory = draw_laboratory(rng)
        follow_ups += [follow(rng, laboratory, fate, world=world) for fate in draw_fates(rng, world, 50)]
    return Many(tuple(follow_ups), patient_truth(tuple(follow_ups)))


@pytest.fixture(scope="session")
def published() -> Many:
    return many("published")


@pytest.fixture(scope="session")
def null() -> Many:
    return many("null")


@pytest.fixture(scope="session")
def adverse() -> Many:
    return many("adverse")


@pytest.fixture(scope="session")
def study() -> StudyA:
    return simulate_study_a()
