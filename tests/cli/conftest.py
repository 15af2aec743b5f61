"""The command line as a user types it, and small studies to use it on."""

import json

import pytest
from typer.testing import CliRunner

from remnant.cli.main import app
from remnant.course.build import build_courses
from remnant.example.files import write_study_a
from remnant.example.study_a import simulate_study_a
from remnant.pipeline.imports import import_paths
from remnant.study.derived import mark_computed, write_derived
from remnant.study.dossiers import dossiers
from remnant.study.folder import init_study

GOOD = "patient_id,diagnosis\nP1,AML\nP2,AML\n"


class Typed:
    """What a command answered."""

    def __init__(self, result):
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def remnant():
    return lambda *arguments: Typed(CliRunner().invoke(app, [str(argument) for argument in arguments]))


@pytest.fixture
def study(tmp_path):
    return init_study(tmp_path / "study", name="Test", by="anna").folder


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "patients.csv"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def computed(tmp_path_factory):
    """A small example study whose courses were computed, without measurements."""
    place = tmp_path_factory.mktemp("computed")
    write_study_a(simulate_study_a(patients=4, seed=3, curves=False), place / "raw")
    study = init_study(place / "study", name="Example", by="anna")
    import_paths(study, [place / "raw"], by="anna")
    write_derived(study, "course", {"all": ("h", build_courses(dossiers(study)))})
    mark_computed(study)
    return study.folder
