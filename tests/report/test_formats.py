"""Files for other programs: lossless, and safe to open in a spreadsheet."""

import csv
import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.records import codec
from remnant.records.dossier import Dossier
from remnant.report import formats

FORMULA = ("=", "+", "-", "@", "\t", "\r")
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)


@pytest.mark.property
@given(cells=st.lists(text, min_size=1, max_size=6))
def test_no_text_cell_is_a_formula_and_none_is_lost(cells):
    written = formats.csv(pl.DataFrame({"cell": cells, "n": [-1.0] * len(cells)}))
    rows = list(csv.DictReader(io.StringIO(written, newline="")))
    assert [
        row["cell"].removeprefix("'") if cell.startswith(FORMULA) else row["cell"]
        for row, cell in zip(rows, cells, strict=True)
    ] == cells
    assert not any(row["cell"].startswith(FORMULA) for row in rows)
    assert {row["n"] for row in rows} == {"-1.0"}


def test_parquet_reads_back_equal():
    frame = pl.DataFrame({"patient": ["P-1", None], "share": [0.4, None]})
    assert pl.read_parquet(io.BytesIO(formats.parquet(frame))).equals(frame)


def test_a_dossier_reads_back_equal(any_dossier):
    assert codec.from_json(Dossier, formats.dossier_json(any_dossier)) == any_dossier
