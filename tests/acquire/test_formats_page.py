"""The page of formats is the code's own."""

import re
from pathlib import Path

import remnant.acquire
from remnant.acquire.codes import PROBLEMS
from remnant.acquire.columns import KINDS
from remnant.acquire.formats_page import formats_page
from remnant.acquire.instrument_notes import COUNTED
from remnant.knowledge.tables import rows

SOURCES = sorted(Path(remnant.acquire.__file__).parent.glob("*.py"))
OF_FILES = ("table.", "cq.", "rdml.", "fcs.", "instrument.", "digital.", "vidjil.", "airr.")
FINDINGS = {row["id"] for row in rows("findings") if row["id"].startswith(OF_FILES)}
PAGE = Path(__file__).parents[2] / "docs" / "formats.md"


def test_the_page_is_up_to_date():
    told = "run python -m remnant.acquire.formats_page > docs/formats.md"
    assert PAGE.read_text(encoding="utf-8") == formats_page(), told


def test_every_column_and_code_stands_on_it():
    page = formats_page()
    for kind in KINDS:
        for column in kind.columns:
            assert f"| `{column.name}` |" in page
            assert column.meaning
    for code in (*PROBLEMS, *FINDINGS):
        assert f"`{code}`" in page


def test_every_code_of_the_sources_is_listed_and_the_other_way_round():
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES if path.name != "codes.py")
    kinds = "file|sheet|row|cell|cq|igtr|table|rdml|xml|json|vidjil|airr|fish|sort|fraction|fcs|gating_ml|panel|instrument|digital"
    used = set(re.findall(rf'"((?:{kinds})\.[a-z_]+)"', text)) - {
        "cq.sample",
        "igtr.kind",
        "igtr.sample_id",
        "panel.csv",
    }
    used |= {f"instrument.{name}" for name, *_ in COUNTED}
    assert used == PROBLEMS.keys() | FINDINGS
    assert not PROBLEMS.keys() & FINDINGS
