"""Answers and errors: one JSON document, plain messages, the documented exit codes."""

import datetime as dt
import math
from pathlib import Path

import typer
from typer.testing import CliRunner

from remnant import errors
from remnant.cli.answer import Answer, command, exit_code_of, plain
from remnant.records.finding import Finding

WHAT = {"where": "file a.csv", "found": "3", "needed": "4", "advice": "Mend it."}
CODES = {
    "ConflictError": 4,
    "FileFormatError": 3,
    "FitError": 3,
    "InputError": 3,
    "KnowledgeError": 3,
    "MeasurementError": 3,
    "NotFoundError": 2,
    "RemnantError": 3,
    "StorageError": 5,
    "UnitError": 3,
}


def test_every_error_has_its_exit_code():
    assert {name: exit_code_of(getattr(errors, name)(**WHAT)) for name in errors.__all__} == CODES


def typed(function, *arguments):
    app = typer.Typer()
    app.command()(command(function))
    return CliRunner().invoke(app, arguments)


def fail_plainly() -> Answer:
    raise errors.InputError(**WHAT, problems=[f"problem {number}" for number in range(40)])


def fail_inside() -> Answer:
    return Answer(data={}["nothing"])


def answer_oddly(number: int = 1) -> Answer:
    return Answer(
        data={"number": number, "infinite": math.inf}, shown=("[red]text[/red]", ":smile:"), exit_code=1
    )


def test_an_error_is_told_in_words_with_its_problems():
    done = typed(fail_plainly)
    assert done.exit_code == 3
    assert done.stdout == ""
    assert done.stderr.startswith("file a.csv: found 3, need 4.\nMend it.\n  problem 0\n")
    assert "and 10 more; --json lists all" in done.stderr
    assert "problem 35" not in done.stderr


def test_an_error_as_json_lists_every_problem():
    done = typed(fail_plainly, "--json")
    assert done.exit_code == 3
    assert '"problem 39"' in done.stdout
    assert done.stderr == ""


def test_an_error_inside_is_short_unless_debug_is_asked():
    done = typed(fail_inside)
    assert done.exit_code == 5
    assert "KeyError" in done.stderr
    assert "Traceback" not in done.stderr
    assert "--debug" in done.stderr
    assert "Traceback" in typed(fail_inside, "--debug").stderr


def test_an_answer_keeps_its_exit_code_and_its_brackets():
    done = typed(answer_oddly)
    assert (done.exit_code, done.stdout) == (1, "[red]text[/red]\n:smile:\n")
    as_json = typed(answer_oddly, "--json", "--number", "3")
    assert (as_json.exit_code, as_json.stdout) == (1, '{\n  "number": 3,\n  "infinite": "inf"\n}\n')


def test_anything_an_answer_holds_becomes_json():
    finding = Finding(code="a.b", severity="note", subject="x", message="y")
    value = {"day": dt.date(2020, 4, 3), "path": Path("a"), 3: (finding, {1}), "low": -math.inf}
    made = plain(value)
    assert made["day"] == "2020-04-03"
    assert made["path"] == "a"
    assert made["3"][0]["code"] == "a.b"
    assert made["3"][1] == [1]
    assert made["low"] == "-inf"


def test_nan_is_an_error_and_not_invalid_json():
    done = typed(lambda: Answer(data=math.nan), "--json")
    assert done.exit_code == 5
