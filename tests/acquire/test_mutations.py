"""Damaged files: whatever the bytes are, the answer is records or a refusal with its problems."""

import io
import random
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remnant.acquire import RefusedFileError, read
from remnant.acquire.columns import KINDS
from remnant.acquire.sheet import REMARK
from remnant.acquire.templates import csv_template, xlsx_template
from remnant.errors import RemnantError

FILES = 500
PIECES = (
    b"\0",
    b'"',
    b"'",
    b";",
    b",",
    b"\n",
    b"<",
    b">",
    b"&",
    b"\xff",
    b"\xd0",
    b"-1",
    b"1e999",
    b"NaN",
    b"<!DOCTYPE",
    b"0/0",
)


def filled(kind):
    """A CSV table with one row that is read."""
    text = csv_template(kind).decode("utf-8-sig")
    return (text + text.splitlines()[1].removeprefix(REMARK) + "\n").encode()


@pytest.fixture(scope="module")
def originals(rdml, zipped):
    document = rdml.document(
        rdml.run(*[rdml.react(n, "S-1", rdml.data(more=rdml.adp([0.1, 0.2, 0.4]))) for n in range(1, 9)]),
        rdml.run(rdml.react(1, "STD", rdml.data()), name="R-2"),
    )
    return [
        document,
        zipped({"rdml_data.xml": document}),
        zipped({"rdml_data.xml": document}, zipfile.ZIP_STORED),
        *[filled(kind) for kind in KINDS],
        *[xlsx_template(kind) for kind in KINDS],
    ]


def mutated(chance, data):
    """Bits flipped, bytes cut out, repeated or put in, the rest cut off."""
    data = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        place = chance.randrange(len(data)) if data else 0
        end = place + chance.randrange(1, 200)
        how = chance.randrange(5)
        if how == 0 and data:
            data[place] ^= 1 << chance.randrange(8)
        elif how == 1:
            del data[place:]
        elif how == 2:
            del data[place:end]
        elif how == 3:
            data[place:place] = chance.choice(PIECES)
        else:
            data[place:place] = data[place:end] * chance.choice([1, 3])
    return bytes(data)


def mutated_inside(chance, data):
    """A zip file with one member mutated and its checksum right."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        chosen = chance.choice(source.namelist())
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, mutated(chance, content) if name == chosen else content)
    return out.getvalue()


def outcome(data):
    """Code of the first problem, or "read"; anything but a refusal escapes and fails the test."""
    problems = ()
    try:
        read("file.bin", data)
    except RefusedFileError as refused:
        problems = refused.details
        message = str(refused)
    else:
        return "read"
    assert problems
    assert problems[0].expected in message
    return problems[0].code


@pytest.mark.property
def test_five_hundred_damaged_files_are_read_or_refused(originals):
    chance = random.Random(20200403)  # noqa: S311 - chosen, not secret
    seen = set()
    for number in range(FILES):
        data = originals[number % len(originals)]
        inside = data.startswith(b"PK") and chance.random() < 0.5
        seen.add(outcome(mutated_inside(chance, data) if inside else mutated(chance, data)))
    assert {"read", "xml.broken", "file.damaged_zip", "file.damaged_workbook", "row.length"} <= seen


@pytest.mark.property
def test_files_cut_anywhere_are_read_or_refused(originals):
    for data in originals:
        for cut in {*range(0, len(data), max(1, len(data) // 15)), len(data) - 1}:
            outcome(data[:cut])


@pytest.mark.property
@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_are_read_or_refused(data):
    outcome(data)


@pytest.mark.property
@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.sampled_from([kind.name for kind in KINDS]))
def test_random_text_below_a_header_is_read_or_refused(text, name):
    header = csv_template(next(kind for kind in KINDS if kind.name == name)).splitlines()[0]
    outcome(header + b"\n" + text.encode("utf-8", "surrogatepass"))


def test_the_error_is_of_the_projects_tree():
    assert issubclass(RefusedFileError, RemnantError)
    assert issubclass(RefusedFileError, ValueError)
