"""Damaged instrument files: records or a refusal, whatever the bytes are. The benchmark makes ten thousand of them."""

import importlib.util
import random
import sys
from pathlib import Path

import pytest

from remnant.acquire import RefusedFileError, read

FILES = 200
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def mutations():
    """The benchmark's module, which makes the files."""
    place = BENCHMARKS / "_qpcr_mutations.py"
    spec = importlib.util.spec_from_file_location("_qpcr_mutations", place)
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = path
    return module


def outcome(data):
    """Code of the first problem, or "read"; anything but a refusal escapes and fails the test."""
    problems = ()
    try:
        read("file.bin", data)
    except RefusedFileError as refused:
        problems = refused.details
    else:
        return "read"
    assert all(problem.expected for problem in problems)
    return problems[0].code


def test_the_originals_are_read(mutations):
    assert {outcome(data) for data in mutations.made_originals()} == {"read"}


@pytest.mark.property
def test_two_hundred_damaged_exports_are_read_or_refused(mutations):
    chance = random.Random(7)  # noqa: S311 - chosen, not secret
    seeds = mutations.made_originals()
    seen = {outcome(mutations.damaged(chance, seeds[number % len(seeds)])) for number in range(FILES)}
    assert {"read", "file.damaged_zip", "instrument.position"} <= seen
    assert len(seen) > 15


@pytest.mark.property
def test_exports_cut_anywhere_are_read_or_refused(mutations):
    for data in mutations.made_originals():
        for cut in {*range(0, len(data), max(1, len(data) // 10)), len(data) - 1}:
            outcome(data[:cut])


def test_xml_nested_without_end_is_refused_before_it_is_parsed():
    assert outcome(b"<rdml>" + b"<a>" * 100_000) == "xml.depth"
