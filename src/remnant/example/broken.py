"""Files that no import should take, each broken in one way: for demonstrations and tests of refusal."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import xlsxwriter

from remnant.example.rdml import SYNTHETIC, zipped

__all__ = ["BrokenFile", "broken_files", "write_broken_files"]

_COLUMNS: Final = 1_000_000

_BOMB: Final = """<?xml version="1.0"?>
<!DOCTYPE rdml [
<!ENTITY a "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">
{entities}]>
<rdml xmlns="http://www.rdml.org" version="1.3"><documentation id="d"><text>&k;</text></documentation></rdml>
"""

_TABLES: Final[dict[str, tuple[str, str]]] = {
    "duplicate_wells.csv": (
        "one well stands twice with different Cq",
        "run_id,well,target,sample,cq\nR-900,A01,WT1,C-9001,31.2\nR-900,A02,WT1,C-9001,31.3\nR-900,A01,WT1,C-9001,35.9\n",
    ),
    "duplicate_patients.csv": (
        "one patient code stands for two patients",
        "patient_id,diagnosis,fab\nP901,AML,M1\nP902,AML,M2\nP901,AML,M4\n",
    ),
    "missing_units.csv": (
        "a value without its unit, and one in a unit that does not exist",
        "sample_id,patient_id,target,control,unit,value\nS-9001,P901,WT1,ABL1,,250\nS-9002,P901,WT1,ABL1,per mille,2.5\n",
    ),
    "standards_without_unit.csv": (
        "quantities of standards without a unit",
        "run_id,well,target,sample,type,quantity,cq\nR-901,A01,WT1,STD-1,standard,1000,29.4\nR-901,A02,WT1,C-9002,unknown,,33.0\n",
    ),
    "negative_without_limit.csv": (
        "a negative result without the limit it was negative at",
        "sample_id,patient_id,target,control,unit,value\nS-9003,P901,WT1,ABL1,per_1e4,neg\n",
    ),
    "contradictory_dates.csv": (
        "samples received before they were drawn",
        "sample_id,patient_id,material,drawn_on,received_on\nS-9004,P901,BM,2018-05-04,2018-05-02\nS-9005,P901,PB,2018-06-10,2017-06-11\n",
    ),
    "after_death.csv": (
        "an event after the patient's death",
        "patient_id,kind,on\nP901,transplant,2018-01-10\nP901,death,2018-06-01\nP901,relapse,2018-07-01\n",
    ),
    "therapy_ends_before_it_starts.csv": (
        "a therapy that ends before it starts",
        "patient_id,kind,start_on,end_on\nP901,azacitidine,2018-03-10,2018-03-01\n",
    ),
    "ambiguous_dates.csv": (
        "dates that are 3 April or 4 March, and a date that does not exist",
        "sample_id,patient_id,material,drawn_on\nS-9006,P901,BM,03/04/2020\nS-9007,P901,BM,2020-02-31\n",
    ),
    "impossible_counts.csv": (
        "130 % blasts, a negative share of donor cells",
        "sample_id,patient_id,material,drawn_on,blast_percent,chimerism_whole_percent\nS-9008,P901,BM,2018-05-04,130,99\nS-9009,P901,BM,2018-06-04,2,-5\n",
    ),
    "impossible_standards.csv": (
        "standards of no and of negative copies, and a Cq of 400",
        "run_id,well,target,sample,type,standard_copies,cq\nR-902,A01,WT1,STD-0,standard,0,29.4\nR-902,A02,WT1,STD-1,standard,-1000,29.6\nR-902,A03,WT1,C-9003,unknown,,400\n",
    ),
    "words_for_numbers.csv": (
        "cells that are no Cq",
        "run_id,well,target,sample,cq\nR-903,A01,WT1,C-9004,about 30\nR-903,A02,WT1,C-9004,#REF!\n",
    ),
    "unknown_columns.csv": ("a table of something else", "city,temperature\nSt Petersburg,4\n"),
    "empty.csv": ("nothing at all", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenFile:
    """A file that must be refused.

    Attributes
    ----------
    path : pathlib.Path
        Where it was written.
    defect : str
        What is wrong with it.
    """

    path: Path
    defect: str


def write_broken_files(folder: Path) -> list[BrokenFile]:
    """Write one file for each defect.

    Parameters
    ----------
    folder : pathlib.Path
        Where to; made if absent.

    Returns
    -------
    list of BrokenFile
        By name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (defect, content) in sorted(broken_files().items()):
        path = folder / name
        path.write_bytes(content)
        written.append(BrokenFile(path=path, defect=defect))
    return written


def broken_files() -> dict[str, tuple[str, bytes]]:
    """Broken files without a disk.

    Returns
    -------
    dict of str to (str, bytes)
        Name to defect and content.
    """
    document = zipped("rdml_data.xml", b'<rdml version="1.3">' + b"<sample/>" * 4000 + b"</rdml>")
    chain = "bcdefghijk"
    entities = "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">\n' for before, name in zip("abcdefghij", chain, strict=True)
    )
    files = {name: (defect, text.encode()) for name, (defect, text) in _TABLES.items()}
    header = ",".join(f"c{index}" for index in range(_COLUMNS))
    return files | {
        "truncated.rdml": ("a zip archive cut in half", document[: len(document) // 2]),
        "xml_bomb.rdml": (
            "entities that unfold to 10^12 characters",
            zipped("rdml_data.xml", _BOMB.format(entities=entities).encode()),
        ),
        "broken_xml.rdml": (
            "XML that ends in the middle",
            zipped("rdml_data.xml", b'<rdml version="1.3"><sample id='),
        ),
        "no_run.rdml": ("an RDML file without any reaction", document),
        "wrong_member.rdml": ("a zip archive with another file in it", zipped("readme.txt", b"not a run")),
        "two_members.rdml": ("a zip archive of two tables", _archive({"a.csv": b"x,y\n", "b.csv": b"x,y\n"})),
        "wrong_sheet.xlsx": ("a workbook without any table that is known", _wrong_sheet()),
        "nul_bytes.csv": (
            "NUL bytes in the cells",
            b"run_id,well,target,sample,cq\nR-904,A01,WT1,C-9005,31.2\n\x00\x00\x00\x00,\x00,\x00,\x00,\x00\n",
        ),
        "million_columns.csv": ("10^6 columns", f"{header}\n{',' * (_COLUMNS - 1)}\n".encode()),
    }


def _archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


def _wrong_sheet() -> bytes:
    buffer = io.BytesIO()
    workbook = xlsxwriter.Workbook(buffer, {"in_memory": True})
    sheet = workbook.add_worksheet("Holiday plan")
    sheet.write_row(0, 0, ["who", "from", "to"])
    sheet.write_row(1, 0, [SYNTHETIC, "July", "August"])
    workbook.close()
    return buffer.getvalue()
