"""Vidjil files: read whole, or refused with every problem."""

import datetime as dt
import json
import random

import pytest

from remnant.acquire import RefusedFileError, read, read_path
from remnant.errors import RemnantError


def test_every_clone_is_counted_in_every_sample_also_where_there_are_none(vidjil):
    got = read("demo.vidjil", vidjil())
    assert got.source.format == "vidjil 2016b"
    assert [(one.repertoire_id, one.sampled_on) for one in got.repertoires] == [
        ("S0", dt.date(2013, 3, 28)), ("S1", dt.date(2013, 5, 15)), ("S2", dt.date(2013, 12, 16)),
    ]  # fmt: skip
    assert [(one.repertoire_id, one.reads) for one in got.clone_counts[:3]] == [
        ("S0", 300),
        ("S1", 0),
        ("S2", 5),
    ]
    assert {one.locus_reads for one in got.clone_counts if one.locus == "IGH"} == {300}
    assert not got.findings


def test_a_file_is_told_by_its_content(vidjil):
    assert read("results.txt", b"\xef\xbb\xbf \n" + vidjil()).source.format == "vidjil 2016b"


def change(content, *path, value):
    place = content
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("samples", "number"), 0, "vidjil.samples"),
        (("samples", "number"), True, "vidjil.samples"),
        (("samples", "names"), ["S0", "S0", "S2"], "vidjil.sample_twice"),
        (("samples", "names"), ["S0", "", "S2"], "vidjil.sample_name"),
        (("samples", "timestamp"), ["2013-03-28", "28/3", "2013-12-16"], "vidjil.date"),
        (("samples", "timestamp"), ["2013-03-28"], "vidjil.date"),
        (("reads", "segmented"), [900, 900], "vidjil.reads"),
        (("reads", "segmented"), [900, -1, 900], "vidjil.reads"),
        (("reads", "segmented"), [900, 1.5, 900], "vidjil.reads"),
        (("reads", "total"), [1000, 10, 1000], "vidjil.exceeds"),
        (("reads", "germline"), {"TRG": [1]}, "vidjil.reads"),
        (("clones",), [], "vidjil.clones"),
        (("clones", 0, "id"), "CACGGCCTTGTATTACTGTG", "vidjil.clone_twice"),
        (("clones", 0, "id"), None, "vidjil.clone"),
        (("clones", 0, "germline"), "", "vidjil.clone"),
        (("clones", 0, "reads"), [1, 2], "vidjil.reads"),
        (("clones", 0, "reads"), [899, 0, 5], "vidjil.exceeds"),
        (("clones", 0), 7, "vidjil.clone"),
    ],
)
def test_what_is_wrong_is_named(vidjil, refused, path, value, code):
    assert refused(change(vidjil.content(), *path, value=value)) == [code]


def test_all_problems_are_told_at_once(vidjil, refused):
    content = vidjil.content()
    content["samples"]["names"] = ["S0", "S0", ""]
    content["reads"]["total"] = None
    assert refused(json.dumps(content).encode()) == [
        "vidjil.sample_name",
        "vidjil.sample_twice",
        "vidjil.reads",
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"clones": [', "json.broken"),
        (b'{"clones": NaN}', "json.broken"),
        (b'{"reads": 1, "reads": 2}', "json.broken"),
        (b'{"a":' * 200_000, "json.broken"),
        (b'{"a": ' + b"9" * 5000 + b"}", "json.broken"),
        (b'{"resourceType": "Bundle"}', "json.unknown"),
        (b'{"clones": [], "vidjil_json_version": "2014.09", "tags": {}}', "vidjil.analysis"),
    ],
)
def test_other_json_is_refused_with_the_reason(refused, data, code):
    assert refused(data) == [code]


def test_a_file_with_more_counts_than_the_limit_is_refused_before_it_is_read(vidjil, refused, monkeypatch):
    monkeypatch.setattr("remnant.acquire.vidjil.size", lambda name: 5 if name == "clone_counts" else 2000)
    assert refused(vidjil()) == ["vidjil.size"]


def test_folders_of_the_sequencer_and_days_that_are_missing(vidjil):
    content = vidjil.content()
    content["samples"] = {
        "number": 3,
        "original_names": ["/run/a/S0.fq", "C:\\run\\S1.fq", "S2.fq"],
        "timestamp": ["", "", ""],
    }
    got = read("demo.vidjil", json.dumps(content).encode())
    assert [one.repertoire_id for one in got.repertoires] == ["S0.fq", "S1.fq", "S2.fq"]
    assert [finding.code for finding in got.findings] == ["clonotype.no_date"]


def test_clusters_of_people_are_not_applied_and_that_is_said(vidjil):
    got = read("demo.vidjil", vidjil(clusters=[["TTACTGTGCCACCTGGGACG", "CACGGCCTTGTATTACTGTG"]]))
    assert [finding.code for finding in got.findings] == ["vidjil.clusters"]
    assert len({one.clone_id for one in got.clone_counts}) == 2


@pytest.mark.reference
def test_the_demo_patient_is_read_whole(real_data):
    got = read_path(real_data / "clonotypes" / "demo_lil_l3_tutorial.vidjil")
    assert (len(got.repertoires), len(got.clone_counts)) == (5, 5 * 453)
    literal = json.loads((real_data / "clonotypes" / "demo_lil_l3_tutorial.vidjil").read_text())
    assert [one.reads for one in got.clone_counts] == [
        k for clone in literal["clones"] for k in clone["reads"]
    ]
    assert [one.analysed_reads for one in got.repertoires] == literal["reads"]["segmented"]
    first = got.clone_counts[0]
    assert (first.v_call, first.j_call, first.junction_aa) == ("TRGV2*01", "TRGJP1*01", "CATWDGPEDTTGWFKIF")
    assert len(first.junction) == 3 * len(first.junction_aa)


@pytest.mark.reference
def test_spiked_standards_are_told_from_clones_and_give_copies(real_data):
    got = read_path(real_data / "clonotypes" / "issue_mrd.vidjil")
    assert {one.standard for one in got.clone_counts} == {None, "Boldrini-VH5-C"}
    assert got.repertoires[0].copies_per_read == pytest.approx(0.1538, abs=1e-4)
    clone = next(one for one in got.clone_counts if one.reads == 269)
    assert clone.copies == pytest.approx(269 * got.repertoires[0].copies_per_read)
    assert {finding.code for finding in got.findings} == {"clonotype.no_date", "vidjil.standards"}


@pytest.mark.reference
def test_an_analysis_holds_no_reads_and_is_refused(real_data):
    with pytest.raises(RefusedFileError, match=r"Import the \.vidjil file it belongs to"):
        read_path(real_data / "clonotypes" / "demo_lil_l3_tutorial.analysis")


@pytest.mark.property
def test_damaged_files_are_read_or_refused(vidjil):
    chance, whole = random.Random(5), vidjil()  # noqa: S311 - damage, not secrets
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 3, 10])):
            place = chance.randrange(len(data))
            data[place : place + chance.randrange(4)] = bytes(
                chance.choice(b'{}[]",:0-9eE.tfn\xff ') for _ in range(chance.randrange(4))
            )
        try:
            read("damaged.vidjil", bytes(data))
        except RemnantError:
            continue
