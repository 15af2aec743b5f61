"""The pages are true: numbers are current, tutorials run, the whole site builds without a warning."""

import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def make_numbers():
    spec = importlib.util.spec_from_file_location("make_numbers", ROOT / "docs" / "make_numbers.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_numbers"] = module
    spec.loader.exec_module(module)
    return module


def test_page_of_published_numbers_is_current():
    module = make_numbers()
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run python docs/make_numbers.py"


def test_site_builds_and_every_tutorial_runs(tmp_path):
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        str(ROOT / "docs"),
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for page in (ROOT / "docs" / "tutorials").glob("*.md"):
        assert (tmp_path / "tutorials" / f"{page.stem}.html").is_file(), page.stem
