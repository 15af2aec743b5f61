"""What the cytometry tests share: made-up tubes and the real ones."""

import numpy as np
import pytest

from remnant.acquire.fcs import read_fcs
from remnant.assay.flow.values import events_of
from remnant.example.marrow import made_marrow


@pytest.fixture(scope="session")
def marrow():
    return made_marrow(20_000, blasts={"B-ALL blast": 400}, seed=3)


@pytest.fixture(scope="session")
def marrow_events(marrow):
    return read_fcs("made.fcs", marrow.fcs())[0]


@pytest.fixture(scope="session")
def aml(real_data):
    """The labelled AML marrow: events, expert classes, channel names."""
    folder = real_data / "flow" / "aml_labelled"
    names = (folder / "info.txt").read_text().splitlines()[0].split(",")
    values = np.load(folder / "Vie098 Ind1 CFU.npy")
    return events_of(values, names), np.load(folder / "Vie098 Ind1 CFU_y.npy")
