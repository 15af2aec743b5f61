"""What every test may ask for: the real files, and whether their absence is a failure."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("remnant", deadline=None)  # no test measures time
settings.load_profile("remnant")

REQUIRED = os.environ.get("REMNANT_REQUIRE") == "1"


def absent(reason: str) -> None:
    """Skip for something that this machine lacks; under REMNANT_REQUIRE=1 fail instead."""
    if REQUIRED:
        pytest.fail(f"REMNANT_REQUIRE=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session", name="absent")
def absent_fixture():
    """Call it with what is missing."""
    return absent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real files with known answers, beside the checkout."""
    folder = Path(os.environ.get("REMNANT_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "README.md").is_file():
        absent(f"no real data in {folder.name}: set REMNANT_REAL_DATA to show these numbers")
    return folder
