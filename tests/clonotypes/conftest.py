"""A made-up Vidjil file to vary, and repertoires without a file."""

import datetime as dt
import json

import pytest

from remnant.acquire import RefusedFileError, read
from remnant.records.clonotype import CloneCount, Repertoire
from remnant.records.sample import Sample

DAYS = ("2013-03-28", "2013-05-15", "2013-12-16")
WINDOWS = ("TTACTGTGCCACCTGGGACG", "CACGGCCTTGTATTACTGTG", "AAGACATGGCCGTTTACTAC")


def _content(**changes):
    """Two clones in three samples."""
    return {
        "vidjil_json_version": "2016b",
        "samples": {"number": 3, "names": ["S0", "S1", "S2"], "timestamp": list(DAYS)},
        "reads": {"total": [1000] * 3, "segmented": [900] * 3, "germline": {"TRG": [600] * 3, "IGH": [300] * 3}},
        "clones": [
            {"id": WINDOWS[0], "germline": "TRG", "reads": [300, 0, 5], "name": "TRGV2 5/CC/1 TRGJ1"},
            {"id": WINDOWS[1], "germline": "IGH", "reads": [200, 10, 0]},
        ],
        **changes,
    }  # fmt: skip


@pytest.fixture
def vidjil():
    """Bytes of a Vidjil file; names change parts of it."""

    def make(**changes):
        return json.dumps(_content(**changes)).encode()

    make.content = _content
    return make


@pytest.fixture
def refused():
    """Codes of the problems for which reading is refused."""

    def of(data, name="file.vidjil"):
        with pytest.raises(RefusedFileError) as error:
            read(name, data)
        return [problem.code for problem in error.value.details]

    return of


@pytest.fixture
def line():
    """Repertoires and counts of clones by their reads at each sample."""

    def make(*reads, analysed=1_000_000, locus=600_000, samples=False, **more):
        count = len(reads[0])
        days = [dt.date(2013, 3, 28) + dt.timedelta(days=40 * i) for i in range(count)]
        repertoires = [
            Repertoire(repertoire_id=f"R{i}", sampled_on=day, analysed_reads=analysed, **more)
            for i, day in enumerate(days)
        ]
        counts = [
            CloneCount(
                repertoire_id=f"R{i}", clone_id=f"{WINDOWS[n % 3]}{'ACGT'[n // 3]}", locus="TRG", reads=k,
                locus_reads=locus,
            )
            for n, clone in enumerate(reads)
            for i, k in enumerate(clone)
        ]  # fmt: skip
        held = [
            Sample(
                sample_id=f"R{i}", patient_id="P1", material="BM", drawn_on=day,
                reason="scheduled" if i else "diagnosis",
            )
            for i, day in enumerate(days)
        ]  # fmt: skip
        return (repertoires, counts, held) if samples else (repertoires, counts)

    return make
