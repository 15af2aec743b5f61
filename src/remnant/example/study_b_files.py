"""Writes study B as a laboratory would hand it over: clinical tables, score sheets in three forms, sort reports.

What is true stands in the folder ``truth`` and is never imported.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from remnant.acquire.columns import KindName, kind_of
from remnant.acquire.writing import written
from remnant.example.files import TRUTH_FOLDER
from remnant.example.study_b import CompartmentTruth, StudyB
from remnant.example.study_b_flow import panel_entries, study_b_tubes
from remnant.example.tables import record_table, reported_table
from remnant.records.fish import FishCount
from remnant.records.frames import to_frame
from remnant.records.patient import Event, Patient, Therapy
from remnant.records.sample import Fraction, Sample

__all__ = ["study_b_files", "write_study_b"]

_LOCI: Final = {"1R1G2F": "(ABL1,BCR)x3(ABL1 con BCRx2)", "1R1G1F": "(ABL1,BCR)x2(ABL1 con BCRx1)"}
_NORMAL: Final = "2R2G"


def write_study_b(study: StudyB, folder: Path) -> list[Path]:
    """Write the files of a made-up study.

    Parameters
    ----------
    study : StudyB
        What `remnant.example.study_b.simulate_study_b` made.
    folder : pathlib.Path
        Where to; made if absent.

    Returns
    -------
    list of pathlib.Path
        The raw files in the order of their names; the truth is not among them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in study_b_files(study):
        (folder / name).write_bytes(content)
        paths.append(folder / name)
    truth = folder / TRUTH_FOLDER
    truth.mkdir(exist_ok=True)
    to_frame(study.truth, CompartmentTruth).write_csv(truth / "compartments.csv")
    return sorted(paths)


def study_b_files(study: StudyB) -> Iterator[tuple[str, bytes]]:
    """Raw files of a made-up study, without a disk.

    Parameters
    ----------
    study : StudyB
        The study.

    Returns
    -------
    iterator of (str, bytes)
        File name and content. Score sheets are wide CSV, a long workbook for P190 patients, and ISCN for
        the index patients' relapse samples.
    """
    yield "patients.csv", record_table(study.patients, Patient)
    yield "events.csv", record_table(study.events, Event)
    yield "therapies.csv", record_table(study.therapies, Therapy)
    yield "samples.csv", record_table(study.samples, Sample)
    yield "fractions.csv", record_table(study.fractions, Fraction)
    tubes = list(study_b_tubes(study))
    sorted_again = {use.fraction_id for use, _ in tubes}
    typed = [one for one in study.purities if one.fraction_id not in sorted_again]
    yield "sort_report.csv", _table("sort purity", typed)
    yield "panels.csv", _table("panels", panel_entries())
    yield "tubes.csv", _table("tubes", [use for use, _ in tubes])
    yield from ((use.file, content) for use, content in tubes)
    yield "fraction_markers.csv", _table("fraction markers", study.markers)
    yield "levels.csv", reported_table(study.reported)
    if study.antigens:
        yield "cd19.csv", _table("antigen counts", study.antigens)
    p190 = {patient.patient_id for patient in study.patients if patient.transcript == "P190"}
    donors = [count for count in study.counts if count.fraction_id.startswith("DN")]
    relapse = [count for count in study.counts if "-R-" in count.fraction_id]
    long = [count for count in study.counts if count.fraction_id.partition("-")[0] in p190]
    taken = {id(count) for count in (*donors, *relapse, *long)}
    yield "fish_donors.csv", _wide(donors)
    yield "fish_scores.csv", _wide([count for count in study.counts if id(count) not in taken])
    yield "fish_scores_p190.xlsx", _workbook(long)
    yield "fish_scores_relapse_iscn.csv", _iscn(relapse)


def _csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    return text.getvalue().encode()


def _table(kind: KindName, records: Sequence[Any]) -> bytes:
    header, rows = written(kind_of(kind), records)
    return _csv(header, rows)


def _slides(counts: Sequence[FishCount]) -> Iterator[tuple[tuple[Any, ...], dict[str, int]]]:
    def key(count: FishCount) -> tuple[Any, ...]:
        return count.fraction_id, count.probe, count.reader, count.preparation, count.scored

    for slide, group in groupby(counts, key=key):
        yield slide, {count.pattern: count.nuclei for count in group}


def _wide(counts: Sequence[FishCount]) -> bytes:
    patterns = sorted({count.pattern for count in counts})
    header = ["fraction_id", "probe", "reader", "preparation", "scored", *patterns]
    return _csv(header, [[*slide, *(found.get(p) for p in patterns)] for slide, found in _slides(counts)])


def _iscn(counts: Sequence[FishCount]) -> bytes:
    header = ["fraction_id", "probe", "reader", "preparation", "scored", "iscn"]
    rows = []
    for slide, found in _slides(counts):
        clones = [f"{_LOCI[p]}[{n}/{slide[4]}]" for p, n in found.items() if n and p != _NORMAL]
        rows.append([*slide, "nuc ish" + ("/".join(clones) or f"(ABL1,BCR)x2[{slide[4]}]")])
    return _csv(header, rows)


def _workbook(counts: Sequence[FishCount]) -> bytes:
    header, rows = written(kind_of("fish scores"), counts)
    buffer = io.BytesIO()
    workbook = xlsxwriter.Workbook(buffer, {"in_memory": True})
    sheet = workbook.add_worksheet("scores")
    for number, row in enumerate([list(header), *rows]):
        sheet.write_row(number, 0, row)
    workbook.close()
    return buffer.getvalue()
