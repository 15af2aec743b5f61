"""Units, errors, and the tables of knowledge."""

import builtins
import inspect
import pickle
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant import errors
from remnant.errors import KnowledgeError, RemnantError, UnitError
from remnant.knowledge import tables
from remnant.units import convert, factor_to_ratio, parse_unit, unit_label

RATIOS = ["ratio", "percent", "per_1e4", "per_1e5"]


@pytest.mark.published
def test_the_unit_trap_of_the_guidelines():
    """250 per 10^4 = 2.5 % = 2500 per 10^5 = 0.025."""
    assert convert(250, "per_1e4", "percent") == 2.5
    assert convert(250, "per_1e4", "per_1e5") == 2500
    assert convert(250, "per_1e4", "ratio") == 0.025


@pytest.mark.property
@given(value=st.floats(1e-9, 1e9), a=st.sampled_from(RATIOS), b=st.sampled_from(RATIOS))
def test_conversion_there_and_back(value, a, b):
    assert convert(convert(value, a, b), b, a) == pytest.approx(value)


def test_a_missing_or_foreign_unit_is_refused():
    with pytest.raises(UnitError, match="no unit"):
        parse_unit("  ")
    with pytest.raises(UnitError, match="furlong"):
        parse_unit("furlong")
    with pytest.raises(UnitError, match="do not convert"):
        convert(3.0, "copies", "percent")
    with pytest.raises(UnitError, match="conversion factor"):
        factor_to_ratio("percent_is")


def test_the_international_scale_takes_the_laboratorys_factor():
    assert convert(0.01, "ratio", "percent_is", conversion_factor=0.8) == pytest.approx(0.8)
    assert unit_label("per_1e4", control="ABL1") == "per 10⁴ ABL1"
    assert parse_unit(" per 10^4 ") == "per_1e4"


@pytest.mark.parametrize(
    "cls",
    [
        c
        for _, c in inspect.getmembers(errors, inspect.isclass)
        if issubclass(c, RemnantError) and c is not RemnantError
    ],
)
def test_each_error_is_also_a_builtin_and_says_all_four_things(cls):
    foreign = [base for base in cls.__mro__ if getattr(builtins, base.__name__, None) is base]
    assert set(foreign) - {Exception, BaseException, object}
    text = str(cls(where="here", found="this", needed="that", advice="Do so.", problems=["row 3: bad"]))
    assert text == "here: found this, need that. Do so.\n  row 3: bad"


def test_an_error_crosses_a_process_border_whole():
    error = UnitError(where="a", found="b", needed="c", advice="d", problems=["e"])
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), str(again), again.problems) == (UnitError, str(error), ("e",))


def test_every_shipped_table_has_sources():
    folder = resources.files("remnant.knowledge")
    names = [entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")]
    assert names
    for name in names:
        assert tables.rows(name), name
        assert tables.version(name), name


def test_a_row_without_source_is_refused():
    problems = tables._problems({"version": "1", "row": [{"id": "a", "status": "maybe"}, {"id": "a"}]})
    assert any("no source" in text for text in problems)
    assert any("maybe" in text for text in problems)
    assert any("twice" in text for text in problems)
    with pytest.raises(KnowledgeError):
        raise KnowledgeError(where="x", found="y", needed="z", advice="")
