"""Ten thousand damaged instrument files: each is read or refused; the slowest, the largest, and what escaped.

The originals are made here, one of each format, and the real exports of ``REMNANT_REAL_DATA`` below a size where
they are. Each worker reads one file after another under a limit of processor time and of memory: what goes beyond
either, and anything raised but a refusal, is counted as escaped. Underscored: ``make bench`` runs it through
``benchmarks/qpcr.py``.
"""

from __future__ import annotations

import functools
import gzip
import io
import json
import math
import os
import random
import resource
import signal
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import xlsxwriter

from _form import Figure, finish
from remnant.acquire import RefusedFileError, read

__all__ = ["damaged", "figures", "made_originals", "mutated", "originals"]

FILES = 10_000
SEED = 20_200_403
LARGEST_SEED_BYTES = 100_000
LARGEST_TEXT_SEED_BYTES = 50_000
DIGITAL_SEEDS = 4
BOMBS = 0.003
CPU_SECONDS = 10.0
MEMORY_MB = 512
BATCH = 50
PIECES = (
    b"\0",
    b'"',
    b"\t",
    b";",
    b",",
    b"\r",
    b"\n\n",
    b"<",
    b"&",
    b"\xff\xfe",
    b"-1",
    b"1e999",
    b"NaN",
    b"9999999999999999",
    b"[Results]\n",
    b"<!DOCTYPE x>",
    b"A1048576",
    "т".encode(),
)
ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1251", "cp500", "utf-7")
BOMB_BYTES = 300_000_000
DEPTH = 200_000


# --- originals ------------------------------------------------------------------------------------------


def _quantstudio() -> bytes:
    settings = (
        "* Block Type = 96-Well Block (0.2mL)\n* Chemistry = TAQMAN\n* Experiment Name = R-07\n"
        "* Experiment Run End Time = 2024-03-04 05:06:07 PM CET\n* Instrument Type = QuantStudio(TM) 7 Flex System\n"
        "* Passive Reference = ROX\n\n"
    )
    curves = "[Amplification Data]\nWell\tCycle\tTarget Name\tRn\tDelta Rn\n" + "".join(
        f"{well}\t{cycle}\tWT1\t{0.6 + 2 / (1 + math.exp(30 - cycle)):.3f}\t0.001\n"
        for well in (1, 2, 3)
        for cycle in range(1, 41)
    )
    results = (
        "\n[Results]\nWell\tWell Position\tOmit\tSample Name\tTarget Name\tTask\tReporter\tCT\tQuantity\tCt Threshold\n"
        "1\tA1\tfalse\tSTD\tWT1\tSTANDARD\tFAM\t24.118\t1,250.000\t0.2\n2\tA2\tfalse\tS-1\tWT1\tUNKNOWN\tFAM\t31.404\t\t0.2\n"
        "3\tA3\ttrue\tS-1\tWT1\tUNKNOWN\tFAM\tUndetermined\t\t0.2\n"
    )
    return (settings + curves + results).encode()


CFX_HEADER: list[object] = [
    "",
    "Well",
    "Fluor",
    "Target",
    "Content",
    "Sample",
    "Cq",
    "Cq Mean",
    "Starting Quantity (SQ)",
]
CFX_ROWS: list[list[object]] = [
    ["", "A01", "FAM", "WT1", "Std-1", "STD", 24.1, 24.1, 1000],
    ["", "A02", "FAM", "WT1", "Unkn-1", "S-1", "NaN", 0, "NaN"],
    ["", "A01", "HEX", "ABL1", "Unkn-1", "S-1", 22.4, 22.4, "NaN"],
]


def _cfx() -> bytes:
    return "".join(",".join(map(str, row)) + "\n" for row in [CFX_HEADER, *CFX_ROWS]).encode()


def _cfx_curves() -> bytes:
    return (
        ",Cycle,A1,A2\n" + "".join(f",{cycle},{cycle * 1.5},{cycle}\n" for cycle in range(1, 41))
    ).encode()


def _cfx_xml() -> bytes:
    names = (
        "Well",
        "Fluor",
        "Target",
        "Content",
        "Sample",
        "Cq",
        "Cq_Mean",
        "Starting_Quantity__x0028_SQ_x0029_",
    )
    rows = "".join(
        "<Row>" + "".join(f"<{n}>{v}</{n}>" for n, v in zip(names, row[1:], strict=True)) + "</Row>"
        for row in CFX_ROWS
    )
    return f'<?xml version="1.0"?><_x0030_>{rows}</_x0030_>'.encode()


def _lightcycler() -> bytes:
    return (
        b"Experiment: R-9  Selected Filter: SYBR Green I (483-533)\r\n"
        b"Include\tColor\tPos\tName\tCp\tConcentration\tStandard\tStatus\r\n"
        b"True\t255\tA1\tSTD\t 20.10\t9.8E4\t1.00E5\t\r\nTrue\t255\tA2\tS-1\t\t\t0\t\r\nFalse\t255\tA3\tS-1\t25.00\t\t0\t\r\n"
    )


def _lightcycler_raw() -> bytes:
    rows = "".join(
        f"{well}\tSample 1\t{program}\t1\t{cycle if program == 2 else 1}\t{cycle}\t60.0\t{cycle * 0.5}\t\r\n"
        for well in ("A1", "A2")
        for program in (2, 3)
        for cycle in range(1, 31)
    )
    head = "Raw Data \t\tExperiment - R-9 (Run on LCS480 1.5.0.39)\r\nSamplePos\tSampleName\tProg#\tSeg#\tCycle#\tTime\tTemp\t483-533\t\r\n"
    return (head + rows).encode()


def _rotor_gene() -> bytes:
    table = "No.;Color;Name;Type;Ct;Ct Comment;Given Conc (Copies);Calc Conc (Copies)\n"
    return (
        "Excel Analysed Data Export;;\nFile;plate 7.rex;\nDate;3/16/2021;\n;;\n"
        f"Quantitative analysis of Cycling A.Green (WT1);;\n;;\n{table}1;57;STD;Standard;24.1;;1000;980\n2;57;S-1;Unknown;;;;\n;;\n"
        f"Quantitative analysis of Cycling A.Yellow (ABL1);;\n;;\n{table}2;57;S-1;Unknown;21.5;;;\n"
    ).encode()


def _mxpro() -> bytes:
    return (
        b"Well\tWell Name\tWell Type\tThreshold (dR)\tCt (dR)\tQuantity (copies)\nA7\tS-1, WT1\tUnknown\t500\t23.66\t<2 Unique SYBR Standards\n"
        b"B7\tSTD\tStandard\t500\t21.1\t100\nC7\tH2O\tNTC\t500\tNo Ct\t\n"
    )


def _rdes() -> bytes:
    head = "Well\tSample\tSample Type\tTarget\tTarget Type\tDye\t" + "\t".join(map(str, range(1, 41)))
    row = "\t".join(f"{2 + cycle / 7:.2f}".replace(".", ",") for cycle in range(1, 41))
    return f"{head}\nA1\tS-1\tunkn\tWT1\ttoi\tFAM\t{row}\nA2\tSTD\tstd\tWT1\ttoi\tFAM\t{row}\n".encode()


def _zip(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _xlsx(rows: list[list[object]]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet("0")
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    return out.getvalue()


def _eds_json() -> bytes:
    wells = [
        {
            "index": at,
            "sampleName": "S",
            "targetAssignments": [{"targetName": "WT1", "task": "STANDARD", "quantity": 5.0}],
        }
        for at in range(3)
    ]
    results = [
        {
            "wellIndex": at,
            "reactionResults": [
                {"targetName": "WT1", "amplificationResult": {"cq": 2.5, "rn": [0.1, 0.2, 0.9]}}
            ],
        }
        for at in range(3)
    ]
    plate = {"blockType": "BLOCK_96W", "targets": [{"name": "WT1", "reporter": "FAM"}], "wells": wells}
    return _zip(
        {
            "setup/plate_setup.json": json.dumps(plate).encode(),
            "summary.json": b'{"name": "R-8"}',
            "primary/analysis_result.json": json.dumps({"wellResults": results}).encode(),
        }
    )


def _eds_xml() -> bytes:
    task = "<DetectorTask><Task>STANDARD</Task><Concentration>100</Concentration><Detector><Name>WT1</Name></Detector></DetectorTask>"
    value = f"<FeatureValue><Index>0</Index><FeatureItem><DetectorTaskList>{task}</DetectorTaskList></FeatureItem></FeatureValue>"
    results = "Session Name\t\nWell\tSample Name\tDetector\tTask\tCt\n0\tS\tWT1\tUNKNOWN\t2.4\nRn values\t0.1\t0.2\t0.4\t0.8\n"
    return _zip(
        {
            "apldbio/sds/experiment.xml": b"<Experiment><Name>R-1</Name><RunEndTime>1582218778621</RunEndTime></Experiment>",
            "apldbio/sds/plate_setup.xml": f"<Plate><Rows>8</Rows><Columns>12</Columns><FeatureMap>{value}</FeatureMap></Plate>".encode(),
            "apldbio/sds/analysis_result.txt": results.encode(),
        }
    )


def _rdml() -> bytes:
    curve = "".join(
        f"<adp><cyc>{cycle}</cyc><fluor>{cycle * 0.1:.2f}</fluor></adp>" for cycle in range(1, 41)
    )
    reacts = "".join(
        f'<react id="{n}"><sample id="S"/><data><tar id="WT1"/><cq>30.{n}</cq>{curve}</data></react>'
        for n in (1, 2, 3)
    )
    return (
        '<rdml version="1.3" xmlns="http://www.rdml.org"><sample id="S"><type>unkn</type></sample><target id="WT1"/>'
        f'<experiment id="E"><run id="R"><pcrFormat><rows>8</rows><columns>12</columns></pcrFormat>{reacts}</run></experiment></rdml>'
    ).encode()


def made_originals() -> list[bytes]:
    """One small file of every format.

    Returns
    -------
    list of bytes
        All are read without a problem.
    """
    texts = [
        _quantstudio(),
        _cfx(),
        _cfx_curves(),
        _cfx_xml(),
        _lightcycler(),
        _lightcycler_raw(),
        _rotor_gene(),
        _mxpro(),
        _rdes(),
        _rdml(),
    ]
    packed = [_eds_json(), _eds_xml(), _zip({"rdml_data.xml": _rdml()}), gzip.compress(_lightcycler())]
    return [*texts, *packed, _xlsx([CFX_HEADER, *CFX_ROWS])]


@functools.cache
def originals() -> tuple[bytes, ...]:
    """Made files, and real exports that are not too large where they are.

    Returns
    -------
    tuple of bytes
        Seeds of the mutations.
    """
    home = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("REMNANT_REAL_DATA", home))
    digital = sorted((folder / "dpcr" / "quantasoft_results").glob("*.csv"))[:DIGITAL_SEEDS]
    paths = [*sorted((folder / "qpcr" / "exports").rglob("*")), *digital]
    real = []
    for path in paths:
        data = path.read_bytes() if path.is_file() and path.stat().st_size <= LARGEST_SEED_BYTES else b""
        packed = data.startswith((b"PK", b"\x1f\x8b", b"\xd0\xcf"))
        if data and (packed or len(data) <= LARGEST_TEXT_SEED_BYTES):
            real.append(data)
    return (*made_originals(), *real)


# --- mutations ------------------------------------------------------------------------------------------


def _bytes_changed(chance: random.Random, data: bytes) -> bytes:
    """Bits flipped, bytes cut out, put in, repeated, the rest cut off."""
    made = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        place = chance.randrange(len(made) + 1)
        end = place + chance.randrange(1, 200)
        how = chance.randrange(6)
        if how == 0 and place < len(made):
            made[place] ^= 1 << chance.randrange(8)
        elif how == 1:
            del made[place:]
        elif how == 2:
            del made[place:end]
        elif how == 3:
            made[place:place] = chance.choice(PIECES)
        elif how == 4:
            made[place:place] = made[place:end] * chance.choice([1, 3, 200])
        else:
            made[place : place + 4] = chance.randbytes(4)
    return bytes(made)


def _encoded(chance: random.Random, data: bytes) -> bytes:
    """The same text in an encoding that nobody announced."""
    return data.decode("utf-8", errors="replace").encode(chance.choice(ENCODINGS), errors="replace")


def _nested(chance: random.Random, data: bytes) -> bytes:
    """Elements or lists inside each other, entities that grow, attributes without end."""
    place = data.find(b">", chance.randrange(len(data) + 1)) + 1
    depth = chance.choice([10, 300, 5_000, DEPTH])
    attributes = b" ".join(b'a%d="1"' % n for n in range(depth // 10 + 1))
    entities = b"".join(b'<!ENTITY e%d "%s">' % (n + 1, b"&e%d;" % n * 10) for n in range(20))
    piece = (
        b"<Row>" * depth + b"</Row>" * depth,
        b"<Row>" * depth,
        b"[" * depth + b"]" * depth,
        b'{"wells":' * depth,
        b"<Row " + attributes + b"/>",
        b'<!DOCTYPE x [<!ENTITY e0 "lol">' + entities + b"]><x>&e20;</x>",
    )[chance.randrange(6)]
    return data[:place] + piece + data[place:]


def _inside(chance: random.Random, data: bytes, change: Callable[[random.Random, bytes], bytes]) -> bytes:
    """A zip file with one member changed and its checksum right."""
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
            chosen = chance.choice(source.namelist())
            for name in source.namelist():
                content = source.read(name)
                target.writestr(name, change(chance, content) if name == chosen else content)
    except (zipfile.BadZipFile, OSError, ValueError, IndexError):
        return data[: len(data) // 2]
    return out.getvalue()


@functools.cache
def _bombs() -> tuple[bytes, ...]:
    """Small files that ask for very much."""
    zeros = bytes(BOMB_BYTES)
    inner = _zip({"a": bytes(50_000_000)})
    far = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    far += b'<row r="1"><c r="A1"><v>1</v></c></row><row r="40000"><c r="CU40000"><v>1</v></c></row></sheetData></worksheet>'
    book = _xlsx([CFX_HEADER, *CFX_ROWS])
    members = {}
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = next(name for name in members if name.startswith("xl/worksheets/"))
    return (
        gzip.compress(zeros, 1),
        gzip.compress(_quantstudio() + b"\n" * 130_000_000, 1),
        _zip({"rdml_data.xml": zeros[:200_000_000]}),
        _zip({"rdml_data.xml": b"<rdml>" + b"<a>" * 20_000_000}),
        _zip({"setup/plate_setup.json": b"[" * 200_000_000}),
        _zip({"setup/plate_setup.json": b'{"wells":[' + b"{}," * 5_000_000 + b"{}]}"}),
        _zip(
            {"apldbio/sds/experiment.xml": b"<a>" * 4_000_000, "apldbio/sds/analysis_result.txt": b"Well\n"}
        ),
        _zip({f"{n}.zip": inner for n in range(200)}),
        _zip({**members, "xl/media/bomb": zeros}),
        _zip({**members, sheet: far}),
        _zip({**members, sheet: far.replace(b"CU40000", b"XFD1048576").replace(b'"40000"', b'"1048576"')}),
        _quantstudio() + b"9\tA9\n" * 5_000_000,
        _quantstudio().replace(
            b"[Results]", b"\n".join(b"%d\t1\tWT1\t0.%d" % (n, n) for n in range(400_000)) + b"\n\n[Results]"
        ),
    )


def mutated(seeds: tuple[bytes, ...], number: int, seed: int = SEED) -> bytes:
    """One damaged file.

    Parameters
    ----------
    seeds : tuple of bytes
        Originals.
    number : int
        Which of the files; decides everything about it.
    seed : int, default SEED
        Of the whole run.

    Returns
    -------
    bytes
        The file.
    """
    chance = random.Random(seed * 1_000_003 + number)  # noqa: S311 - chosen, not secret
    data = seeds[number % len(seeds)]
    return chance.choice(_bombs()) if chance.random() < BOMBS else damaged(chance, data)


def damaged(chance: random.Random, data: bytes) -> bytes:
    """One file with a random damage, in a member of it where it is packed.

    Parameters
    ----------
    chance : random.Random
        Decides what is damaged.
    data : bytes
        The original.

    Returns
    -------
    bytes
        The file.
    """
    change = chance.choices([_bytes_changed, _encoded, _nested], weights=[8, 1, 1])[0]
    if data.startswith(b"\x1f\x8b") and chance.random() < 0.7:
        return gzip.compress(change(chance, gzip.decompress(data)))
    if data.startswith(b"PK") and chance.random() < 0.7:
        return _inside(chance, data, change)
    return change(chance, data)


# --- reading under limits -------------------------------------------------------------------------------


class _TooSlowError(BaseException):
    """More processor time than a file may take; no reader catches it."""


def _stop(_signal: int, _frame: object) -> None:
    raise _TooSlowError


def _limit() -> None:
    """Let a worker take no more memory than what it has now and the limit beyond it."""
    read("warm.csv", _cfx())
    originals()
    _bombs()
    most = int(_status_mb("VmData") + MEMORY_MB) * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    signal.signal(signal.SIGPROF, _stop)


def _outcome(data: bytes) -> tuple[str, float]:
    """What became of a file, and the processor seconds it took."""
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        read("file.bin", data)
        outcome = "read"
    except RefusedFileError as refused:
        outcome = refused.details[0].code
    except BaseException as error:  # noqa: BLE001 - whatever escapes is what is measured
        outcome = f"escaped {type(error).__name__}: {str(error)[:80]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return outcome, time.process_time() - start


def _status_mb(name: str) -> float:
    """One line of this process's status, in megabytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def _batch(numbers: range) -> list[tuple[int, str, float, float]]:
    """Number, outcome, processor seconds and memory in megabytes of each file of a batch."""
    seeds = originals()
    found = []
    for number in numbers:
        data = mutated(seeds, number)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _status_mb("VmRSS")
        outcome, seconds = _outcome(data)
        found.append((number, outcome, seconds, _status_mb("VmHWM") - before))
    return found


def figures(files: int = FILES) -> list[Figure]:
    """Outcomes of all damaged files.

    Parameters
    ----------
    files : int, default FILES
        How many.

    Returns
    -------
    list of Figure
        What escaped, what was read, the slowest file and the largest growth of memory.
    """
    outcomes: Counter[str] = Counter()
    slowest, largest, lost = 0.0, 0.0, 0
    batches = [range(start, min(start + BATCH, files)) for start in range(0, files, BATCH)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=_limit) as pool:
        for future in [pool.submit(_batch, batch) for batch in batches]:
            try:
                found = future.result()
            except BrokenProcessPool:
                lost += BATCH
                continue
            for number, outcome, seconds, grown in found:
                outcomes[outcome] += 1
                slowest, largest = max(slowest, seconds), max(largest, grown)
                if outcome.startswith("escaped"):
                    print(f"file {number}: {outcome}", file=sys.stderr)
    escaped = lost + sum(count for outcome, count in outcomes.items() if outcome.startswith("escaped"))
    return [
        Figure(
            "damaged instrument files", sum(outcomes.values()), f"{files}", sum(outcomes.values()) == files
        ),
        Figure("originals they were made of", len(originals())),
        Figure("of these escaped (no record, no refusal)", escaped, "0", escaped == 0),
        Figure("of these read in spite of the damage", outcomes["read"]),
        Figure("kinds of problems told", len(outcomes) - ("read" in outcomes)),
        Figure("slowest file, processor s", slowest, f"< {CPU_SECONDS:g}", slowest < CPU_SECONDS),
        Figure("largest memory of one file, MB", largest, f"< {MEMORY_MB}", largest < MEMORY_MB),
    ]


if __name__ == "__main__":
    finish("Damaged instrument files", figures(int(os.environ.get("FILES", FILES))))
