"""Templates to fill in: every kind of table as CSV and as XLSX, made from the columns themselves.

The first row holds the column names, the second an example that is not read (its first cell begins with
``# ``). A workbook has a second sheet that says what each column holds, and lists to choose from.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from remnant.acquire.columns import KINDS, Column, Kind, KindName
from remnant.acquire.formats_page import accepted, formats_page
from remnant.acquire.sheet import REMARK
from remnant.acquire.tabular import DESCRIPTION_HEADER
from remnant.acquire.writing import Cell, written
from remnant.records.clonotype import Repertoire
from remnant.records.fish import AntigenCount, FishCount, FractionMarker, SortPurity
from remnant.records.flow import PanelEntry, TubeUse
from remnant.records.igtr import IgTrWell
from remnant.records.measurement import ReportedValue
from remnant.records.partition import PlateWell
from remnant.records.patient import Event, Patient, Therapy, Variant
from remnant.records.run import Run, Well
from remnant.records.sample import Cdna, Fraction, Sample

__all__ = ["EXAMPLES", "csv_template", "write_templates", "xlsx_template"]

EXAMPLES: Final[dict[KindName, Any]] = {
    "patients": Patient(
        patient_id="P-001",
        diagnosis="AML",
        sex="f",
        age_years=43.0,
        fab="M2",
        lesion="RUNX1-RUNX1T1",
        risk="ELN 2017 favourable",
        status_at_transplant="CR1",
        donor="unrelated",
        conditioning="reduced",
        synthetic=True,
    ),
    "events": Event(patient_id="P-001", kind="transplant", on=dt.date(2020, 4, 3), detail="unrelated donor"),
    "therapies": Therapy(
        patient_id="P-001",
        kind="azacitidine",
        start_on=dt.date(2020, 8, 3),
        end_on=dt.date(2020, 8, 9),
        agent="azacitidine",
    ),
    "variants": Variant(
        patient_id="P-001", target="WT1", variant="exon 7 mutation", detail="c.1142C>A, 40 % of reads"
    ),
    "samples": Sample(
        sample_id="S-014",
        patient_id="P-001",
        material="BM",
        drawn_on=dt.date(2020, 7, 1),
        received_on=dt.date(2020, 7, 2),
        reason="scheduled",
        blast_percent=1.5,
        chimerism_whole_percent=99.0,
        chimerism_cd3_percent=97.0,
        chimerism_cd34_percent=92.0,
        quality="good",
    ),
    "cdna": Cdna(
        cdna_id="C-014",
        sample_id="S-014",
        transcribed_on=dt.date(2020, 7, 3),
        rna_ng=1000.0,
        rna_integrity=8.1,
        kit_lot="RT-21",
    ),
    "fractions": Fraction(
        fraction_id="F-014-1",
        sample_id="S-014",
        compartment="HSC",
        sort_gate="CD34+CD38-CD19-",
        purity=0.92,
        reanalysed_events=200,
        yield_cells=3500,
    ),
    "runs": Run(
        run_id="R-07",
        run_on=dt.date(2020, 7, 4),
        instrument="Cycler 96",
        serial="0042",
        operator="AB",
        kit_lot="K-3",
        primer_lot="P-5",
        standard_lot="ST-2",
        cdna_ul_per_well=5.0,
        chemistry="TaqMan",
        threshold=0.1,
        cycles=45,
    ),
    "reported values": ReportedValue(
        sample_id="S-014",
        patient_id="P-001",
        target="WT1",
        control="ABL1",
        unit="per_1e4",
        value=None,
        upper_limit=1.5,
        control_copies=20000.0,
        drawn_on=dt.date(2020, 7, 1),
        material="BM",
    ),
    "igtr wells": IgTrWell(
        run_id="IGH-07",
        position="C04",
        patient_id="P-001",
        rearrangement="IGH VH3-23/JH4",
        kind="follow_up",
        sample_id="S-014",
        detected=True,
        cq=34.6,
        dna_ng=620.0,
    ),
    "plate layout": PlateWell(
        run_id="D-07",
        position="A08",
        channel="1",
        target="WT1",
        sample="C-014",
        kind="unknown",
        cdna_ul=2.0,
    ),
    "fish scores": FishCount(
        fraction_id="F-014-1",
        probe="BCR-ABL1 D-FISH",
        pattern="1R1G2F",
        nuclei=12,
        scored=60,
        reader="AB",
        preparation="sorted cytospin",
    ),
    "sort purity": SortPurity(fraction_id="F-014-1", compartment="HSC", events=184),
    "index sort": SortPurity(fraction_id="F-014-1", compartment="HSC", events=1, method="index sort"),
    "fraction markers": FractionMarker(fraction_id="F-014-1", marker="IG/TR", share=0.02, sd_log10=0.3),
    "antigen counts": AntigenCount(
        sample_id="S-014", clone="blasts", antigen="CD19", intensity="negative", cells=120
    ),
    "repertoires": Repertoire(
        repertoire_id="SEQ-014",
        sample_id="S-014",
        sampled_on=dt.date(2020, 7, 1),
        total_reads=1_200_000,
        analysed_reads=1_000_000,
        input_cells=100_000,
    ),
    "panels": PanelEntry(
        panel="B-ALL MRD 1",
        channel="PE-Cy7-A",
        antigen="CD19",
        clone="J3-119",
        instrument="Cytometer 10",
        valid_from=dt.date(2020, 1, 1),
        valid_until=dt.date(2021, 12, 31),
    ),
    "tubes": TubeUse(
        file="S-014.fcs",
        sample_id="S-014",
        panel="B-ALL MRD 1",
        role="sample",
        gate="B-ALL window",
        data_set=1,
    ),
    "cq table": Well(
        run_id="R-07",
        position="B03",
        target="WT1",
        sample="C-014",
        kind="unknown",
        detected=True,
        cq=31.27,
        cdna_ul=5.0,
        replicate=1,
    ),
}
"""One made-up record a kind, shown as the example row."""

_MADE: Final = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_FILLABLE_ROWS: Final = 1000


def _slug(kind: Kind) -> str:
    return kind.name.replace(" ", "_")


def _example(kind: Kind) -> tuple[tuple[str, ...], list[Cell]]:
    """Header, and the example row behind a remark sign."""
    header, rows = written(kind, [EXAMPLES[kind.name]])
    return header, [f"{REMARK}{rows[0][0]}", *rows[0][1:]]


def _plain(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell.isoformat() if isinstance(cell, dt.date) else str(cell)


def csv_template(kind: Kind) -> bytes:
    """Template of one kind as CSV.

    Parameters
    ----------
    kind : Kind
        Kind of the table.

    Returns
    -------
    bytes
        UTF-8 with byte order mark, so that spreadsheet programs show every alphabet.
    """
    header, example = _example(kind)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerow([_plain(cell) for cell in example])
    return out.getvalue().encode("utf-8-sig")


def _describe(book: Any, kind: Kind, bold: Any) -> None:
    sheet = book.add_worksheet("columns")
    sheet.write_row(0, 0, DESCRIPTION_HEADER, bold)
    for row, column in enumerate(kind.columns, start=1):
        needed = "yes" if column.required else ""
        sheet.write_row(
            row, 0, (column.name, needed, accepted(column), column.meaning, "; ".join(column.aliases))
        )
    for place, width in enumerate((24, 8, 40, 70, 60)):
        sheet.set_column(place, place, width)


def _offer_choices(sheet: Any, place: int, column: Column) -> None:
    """Let the user pick from a list; further spellings may still be typed."""
    sheet.data_validation(
        1,
        place,
        _FILLABLE_ROWS,
        place,
        {"validate": "list", "source": list(column.choices), "error_type": "information"},
    )


def xlsx_template(kind: Kind) -> bytes:
    """Template of one kind as a workbook.

    Parameters
    ----------
    kind : Kind
        Kind of the table.

    Returns
    -------
    bytes
        A workbook with the table and the description of its columns; the same bytes every time.
    """
    header, example = _example(kind)
    named = {column.name: column for column in kind.columns}
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        book.set_properties({"created": _MADE})
        bold = book.add_format({"bold": True, "bottom": 1})
        grey = book.add_format({"font_color": "#777777"})
        grey_date = book.add_format({"font_color": "#777777", "num_format": "yyyy-mm-dd"})
        date = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet(kind.name)
        sheet.freeze_panes(1, 0)
        for place, name in enumerate(header):
            column = named[name]
            sheet.set_column(place, place, max(12, len(name) + 2), date if column.accepts == "date" else None)
            sheet.write(0, place, name, bold)
            cell = example[place]
            if isinstance(cell, dt.date):
                sheet.write_datetime(1, place, dt.datetime.combine(cell, dt.time()), grey_date)
            elif cell is not None:
                sheet.write(1, place, cell, grey)
            if column.choices:
                _offer_choices(sheet, place, column)
        _describe(book, kind, bold)
    return out.getvalue()


def write_templates(folder: Path) -> list[Path]:
    """Write all templates, and the page that describes them.

    Parameters
    ----------
    folder : pathlib.Path
        Where to; made if it does not exist. Files of the same names are replaced.

    Returns
    -------
    list of pathlib.Path
        What was written: one CSV and one XLSX a kind, and ``formats.md``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        f"{_slug(kind)}{suffix}": make(kind)
        for kind in KINDS
        for suffix, make in ((".csv", csv_template), (".xlsx", xlsx_template))
    }
    contents["formats.md"] = formats_page().encode()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]
