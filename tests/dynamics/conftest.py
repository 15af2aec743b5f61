"""Models that several tests share."""

import pytest

from remnant.dynamics.model import CellType, Event, Model


def one_type(birth, death, cells=1):
    return Model(
        name="one type",
        types=(CellType(name="A"),),
        events=(
            Event(kind="self_renewal", source="A", products=("A", "A"), rate_per_day=birth),
            Event(kind="death", source="A", products=(), rate_per_day=death),
        ),
        start={"A": cells},
    )


def with_mutants(sensitive, resistant, mutation, cells):
    (r, d), (a, b) = sensitive, resistant
    return Model(
        name="sensitive and resistant",
        types=(CellType(name="S"), CellType(name="R")),
        events=(
            Event(kind="self_renewal", source="S", products=("S", "S"), rate_per_day=r),
            Event(kind="mutation", source="S", products=("S", "R"), rate_per_day=r * mutation),
            Event(kind="death", source="S", products=(), rate_per_day=d),
            Event(kind="self_renewal", source="R", products=("R", "R"), rate_per_day=a),
            Event(kind="death", source="R", products=(), rate_per_day=b),
        ),
        start={"S": cells},
    )


@pytest.fixture(scope="session")
def build_one_type():
    return one_type


@pytest.fixture(scope="session")
def build_with_mutants():
    return with_mutants


@pytest.fixture(scope="session")
def four_types():
    """Progenitor, CD19+ blast, CD19-negative mutant, myeloid: the benchmark of the specification."""

    def event(kind, source, products, rate):
        return Event(kind=kind, source=source, products=tuple(products), rate_per_day=rate)

    return Model(
        name="four types",
        types=tuple(CellType(name=name) for name in "PBNM"),
        events=(
            event("self_renewal", "P", "PP", 0.10),
            event("death", "P", "", 0.03),
            event("differentiation", "P", "B", 0.02),
            event("differentiation", "P", "M", 0.01),
            event("self_renewal", "B", "BB", 0.20),
            event("death", "B", "", 0.12),
            event("antigen_loss", "B", "BN", 2e-7),
            event("self_renewal", "N", "NN", 0.20),
            event("death", "N", "", 0.12),
            event("self_renewal", "M", "MM", 0.10),
            event("death", "M", "", 0.15),
        ),
        start={"P": 100, "B": 1000},
    )
