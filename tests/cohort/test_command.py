"""A table of counts is tested from the command line without any study."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from remnant.cli.main import app
from remnant.cohort.association import associate
from remnant.cohort.columns import read_columns
from remnant.errors import InputError


def typed(*arguments):
    return CliRunner().invoke(app, ["cohort", "associate", *arguments])


def test_a_table_of_counts_needs_no_study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = typed("--table", "6,2;3,9")
    assert answer.exit_code == 0
    for share in associate(((6, 2), (3, 9))).shares:
        assert (
            f"{100 * share.share:.0f} % ({100 * share.lower:.0f}-{100 * share.upper:.0f} %)" in answer.stdout
        )
    assert "0.065" in answer.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.definition
def test_the_same_table_as_json(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = typed("--table", "6,2;3,9", "--json")
    assert answer.exit_code == 0
    made = json.loads(answer.stdout)
    assert made["counts"] == [[6, 2], [3, 9]]
    assert [f"{t['p_value']:.4f}" for t in made["tests"] if t["name"].startswith("Fisher")] == [
        "0.0648",
        "0.0798",
        "0.0399",
    ]


def test_a_wrong_column_lists_the_columns_there_are():
    frame = pl.DataFrame({"patient_id": ["A"], "sex": ["f"], "outcome": ["relapse"]})
    with pytest.raises(
        InputError, match="no column nonsense, need columns of the table: patient_id, sex, outcome"
    ):
        read_columns(frame, ("sex", "nonsense"))
