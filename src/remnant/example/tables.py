"""Writes made-up records as the tables that a clinic and a laboratory keep.

Columns bear the names of the record's fields. Some tables are written as laboratories elsewhere write
them: with a byte-order mark, semicolons and decimal commas, day first, in cp1251 with Russian words, as
XLSX; so that a study shows that all of them are read.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

import xlsxwriter

from remnant.example.rdml import SYNTHETIC
from remnant.records.measurement import ReportedValue
from remnant.records.run import Well

__all__ = ["cq_cp1251", "cq_csv", "cq_xlsx", "record_table", "reported_table"]

_CQ_COLUMNS = (
    "run_id",
    "well",
    "target",
    "sample",
    "type",
    "standard_copies",
    "cq",
    "cdna_ul",
    "dilution",
    "excluded",
    "replicate",
)
_RUSSIAN = {
    "run_id": "постановка",
    "well": "лунка",
    "target": "мишень",
    "sample": "образец",
    "dilution": "разведение",
    "excluded": "исключено",
    "replicate": "повтор",
}


def _delimited(header: Sequence[str], rows: Iterable[Sequence[str]], *, delimiter: str = ",") -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def _cell(value: Any, *, day_first: bool = False, comma: bool = False) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case dt.date():
            return value.strftime("%d.%m.%Y") if day_first else value.isoformat()
        case float():
            text = f"{value:.10g}"
            return text.replace(".", ",") if comma else text
        case _:
            return str(value)


def record_table(
    records: Sequence[Any],
    cls: type,
    *,
    european: bool = False,
    mark: bool = False,
    without: Sequence[str] = (),
) -> bytes:
    """A table of records, one a row.

    Parameters
    ----------
    records : sequence of records
        Records of one class.
    cls : type
        Their class.
    european : bool, default False
        Semicolons, decimal commas and the day first.
    mark : bool, default False
        Begin with a byte-order mark, as spreadsheets do.
    without : sequence of str, default ()
        Fields to leave out.

    Returns
    -------
    bytes
        The file, UTF-8.
    """
    names = [field.name for field in fields(cls) if field.name not in without]
    rows = [
        [_cell(getattr(record, name), day_first=european, comma=european) for name in names]
        for record in records
    ]
    text = _delimited(names, rows, delimiter=";" if european else ",")
    return text.encode("utf-8-sig" if mark else "utf-8")


def reported_table(values: Sequence[ReportedValue]) -> bytes:
    """Results typed in from reports, limits written as such.

    Parameters
    ----------
    values : sequence of ReportedValue
        The results.

    Returns
    -------
    bytes
        The file, UTF-8.
    """
    names = [
        "sample_id",
        "patient_id",
        "target",
        "control",
        "unit",
        "value",
        "control_copies",
        "drawn_on",
        "material",
    ]
    rows = []
    for item in values:
        cells = {name: _cell(getattr(item, name)) for name in names}
        if item.upper_limit is not None:
            cells["value"] = f"<{_cell(item.upper_limit)}"
        if item.lower_limit is not None:
            cells["value"] = f">{_cell(item.lower_limit)}"
        rows.append(list(cells.values()))
    return _delimited(names, rows).encode()


def _cq_values(wells: Sequence[Well], not_found: str) -> list[list[Any]]:
    return [
        [
            well.run_id,
            well.position,
            well.target,
            well.sample,
            well.kind,
            well.standard_copies,
            not_found if well.cq is None else well.cq,
            well.cdna_ul,
            well.dilution,
            well.excluded,
            well.replicate,
        ]
        for well in wells
    ]


def cq_csv(wells: Sequence[Well]) -> bytes:
    """A Cq table with semicolons, decimal commas and ``Undetermined``.

    Parameters
    ----------
    wells : sequence of Well
        Wells of one run.

    Returns
    -------
    bytes
        The file, UTF-8.
    """
    rows = [[_cell(value, comma=True) for value in row] for row in _cq_values(wells, "Undetermined")]
    return _delimited(_CQ_COLUMNS, rows, delimiter=";").encode()


def cq_cp1251(wells: Sequence[Well]) -> bytes:
    """A Cq table in cp1251 with Russian headings and ``н/о``.

    Parameters
    ----------
    wells : sequence of Well
        Wells of one run.

    Returns
    -------
    bytes
        The file.
    """
    header = [_RUSSIAN.get(name, name) for name in _CQ_COLUMNS]
    rows = [[_cell(value, comma=True) for value in row] for row in _cq_values(wells, "н/о")]
    return _delimited(header, rows, delimiter=";").encode("cp1251")


def cq_xlsx(wells: Sequence[Well]) -> bytes:
    """A Cq table as a workbook of one sheet.

    Parameters
    ----------
    wells : sequence of Well
        Wells of one run.

    Returns
    -------
    bytes
        The file; the same bytes every time.
    """
    buffer = io.BytesIO()
    workbook = xlsxwriter.Workbook(buffer, {"in_memory": True})
    workbook.set_properties({"comments": SYNTHETIC, "created": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)})
    sheet = workbook.add_worksheet("Results")
    sheet.write_row(0, 0, _CQ_COLUMNS)
    for number, row in enumerate(_cq_values(wells, "Undetermined"), start=1):
        sheet.write_row(number, 0, row)
    workbook.close()
    return buffer.getvalue()
