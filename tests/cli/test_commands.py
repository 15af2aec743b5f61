"""One table of commands: every row resolves, and help loads none of the code behind it."""

import subprocess
import sys

import pytest

from remnant.cli.commands import COMMANDS, GROUPS
from remnant.cli.lazy import load
from remnant.cli.main import app  # noqa: F401 (loads everything that help needs)

HEAVY = ("numpy", "polars", "scipy", "sqlalchemy", "alembic", "rich", "remnant.records", "remnant.study")
HELP = """
import sys
from remnant.cli.main import main
sys.argv = ["remnant", *sys.argv[1:]]
try:
    main()
finally:
    print(sorted(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_row_resolves_to_a_command_with_its_own_help(row):
    loaded = load(row)
    assert loaded.name == row.name.rpartition(" ")[2]
    assert "Parameters" not in loaded.help
    options = {option for parameter in loaded.params for option in parameter.opts}
    assert {"--json", "--debug"} <= options


def test_names_are_unique_and_groups_are_explained():
    names = [row.name for row in COMMANDS]
    assert len(names) == len(set(names))
    assert {name.partition(" ")[0] for name in names if " " in name} == set(GROUPS)
    assert all(row.help.endswith(".") for row in COMMANDS)


@pytest.mark.parametrize("arguments", [["--help"], ["cohort", "--help"], ["--version"]])
def test_help_loads_none_of_the_heavy_code(arguments):
    done = subprocess.run(
        [sys.executable, "-c", HELP, *arguments], capture_output=True, text=True, check=True
    )
    loaded = done.stderr
    assert "'typer'" in loaded
    assert [name for name in HEAVY if f"'{name}'" in loaded] == []


def test_help_of_the_demo_loads_nothing_that_computes():
    done = subprocess.run(
        [sys.executable, "-c", HELP, "demo", "--help"], capture_output=True, text=True, check=True
    )
    assert "--patients" in done.stdout
    computing = ("scipy", "numba", "sqlalchemy", "remnant.pipeline", "remnant.example")
    assert [name for name in computing if f"'{name}'" in done.stderr] == []


def test_a_run_with_nothing_to_do_loads_nothing_that_computes(remnant, tmp_path):
    remnant("init", tmp_path / "study")
    remnant("run", tmp_path / "study")
    arguments = [sys.executable, "-c", HELP, "run", str(tmp_path / "study")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert "Nothing to do" in done.stdout
    computing = ("numpy", "polars", "scipy", "numba", "alembic", "remnant.pipeline", "remnant.example")
    assert [name for name in computing if f"'{name}'" in done.stderr] == []


def test_help_lists_every_command_once_under_its_section(remnant):
    lines = remnant("--help").out.splitlines()
    listed = [line.split()[0] for line in lines if line.startswith("  ") and line.split()]
    for name in {row.name.partition(" ")[0] for row in COMMANDS}:
        assert listed.count(name) == 1
    assert [f"{row.section}:" in lines for row in COMMANDS] == [True] * len(COMMANDS)


def test_a_group_lists_its_own_commands(remnant):
    text = remnant("cohort", "--help").out
    assert "associate" in text
    assert "incidence" in text
    assert "doctor" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["improt"], "Did you mean 'import'?"),
        (["cohort", "asociate"], "Did you mean 'associate'?"),
        (["import"], "Missing argument 'STUDY'"),
        (["import", "x", "--nonsense"], "No such option"),
        (["retract", "x", "y"], "Missing option '--reason'"),
        (["init", "x", "--language", "fr"], "'fr'"),
    ],
)
def test_wrong_use_ends_with_2(remnant, arguments, said):
    answer = remnant(*arguments)
    assert answer.code == 2
    assert said in answer.err
    assert answer.out == ""


def test_a_missing_library_is_said_with_what_to_install(remnant, monkeypatch):
    monkeypatch.setitem(sys.modules, "remnant.cli.simulate", None)

    def absent(_module):
        raise ModuleNotFoundError(name="vl_convert")

    monkeypatch.setattr("remnant.cli.lazy.importlib.import_module", absent)
    answer = remnant("report", "x")
    assert answer.code == 2
    assert "vl_convert" in answer.err
    assert "pip install 'remnant[all]'" in answer.err
