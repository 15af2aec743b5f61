"""Clones of the diagnosis sample in later samples: identity, states, and the clone that returns."""

import dataclasses
import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.acquire import read_path
from remnant.assay.clonotypes import follow_clones
from remnant.assay.clonotypes_evidence import Counted, count_evidence
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.verbs import interval, upper_limit
from remnant.knowledge.clonotypes import clonotype_rules
from remnant.records.clonotype import CloneCount, Repertoire
from remnant.records.codec import from_json, to_json

WINDOW = "TTACTGTGCCACCTGGGACGGGCCGGAGGATACCACTGGTTGGTTCAAGA"
DAYS = [
    dt.date(2013, 3, 28),
    dt.date(2013, 5, 15),
    dt.date(2013, 6, 26),
    dt.date(2013, 12, 16),
    dt.date(2014, 1, 30),
]


@pytest.fixture(scope="module")
def demo(real_data):
    return read_path(real_data / "clonotypes" / "demo_lil_l3_tutorial.vidjil")


def the_clone(demo, until=None):
    got = follow_clones(demo.repertoires, demo.clone_counts, until=until)
    return got, next(track for track in got.tracks if track.clone_id == WINDOW)


@pytest.mark.published
def test_the_returning_clone_of_the_vidjil_demo_patient(demo):
    """Vidjil demo LIL-L3: a minor TRG clone of the diagnosis vanishes and returns as the relapse."""
    got, clone = the_clone(demo)
    assert [point.drawn_on for point in clone.points] == DAYS
    assert [point.reads for point in clone.points] == [5517, 0, 11, 12020, 962606]
    assert [point.state for point in clone.points] == [
        "quantified", "not detected", "detected", "quantified", "quantified",
    ]  # fmt: skip
    gone = clone.points[1]
    assert (gone.share, gone.lower, gone.upper) == (None, None, None)
    assert gone.upper_limit == pytest.approx(3.0 / 1_892_104, rel=0.05)  # the run's error widens it a little
    assert (clone.role, clone.verdict, clone.since) == ("minor", "returns", DAYS[3])
    assert [track.clone_id for track in got.tracks if track.verdict == "returns"] == [WINDOW]


@pytest.mark.published
@pytest.mark.parametrize(
    ("until", "verdict"), [(DAYS[1], "not detected"), (DAYS[2], "detected again"), (DAYS[3], "returns")]
)
def test_the_flag_is_raised_from_the_files_up_to_december(demo, until, verdict):
    """Vidjil demo LIL-L3: its return is flagged 45 days before the relapse, from the points up to 2013-12-16 only."""
    got, clone = the_clone(demo, until)
    assert clone.verdict == verdict
    returns = [finding for finding in got.findings if finding.code == "clonotype.returns"]
    assert [WINDOW in finding.subject for finding in returns] == ([True] if verdict == "returns" else [])


@pytest.mark.published
def test_the_other_clones_of_the_relapse_were_not_there_at_diagnosis(demo):
    """Vidjil demo LIL-L3: two more IGHV3-11 clones dominate the relapse of 2014-01-30, absent at diagnosis."""
    got, _ = the_clone(demo)
    new = [finding.message for finding in got.findings if finding.code == "clonotype.new_dominant"]
    assert len(new) == 2
    assert all("IGHV3-11" in text and "2014-01-30" in text for text in new)


def test_reads_below_either_limit_are_detected_and_zero_is_a_bound(line):
    (track,) = follow_clones(*line([60_000, 4, 9, 10, 0])).tracks
    assert [point.state for point in track.points] == [
        "quantified", "detected", "detected", "quantified", "not detected",
    ]  # fmt: skip
    assert track.points[-1].upper_limit == pytest.approx(3e-6, rel=0.05)
    assert all(point.share for point in track.points[:-1])


@pytest.mark.parametrize(
    ("reads", "verdict", "place"),
    [
        ([3000, 2000, 5000], "followed", 0),
        ([3000, 0, 0], "not detected", 1),
        ([3000, 0, 2999], "detected again", 2),
        ([3000, 0, 3000], "returns", 2),
        ([3000, 0, 3000, 0], "returns", 2),
        ([3000, 0, 100, 0], "not detected", 3),
        ([3000, 5, 9000], "followed", 0),
    ],
)
def test_a_clone_returns_only_after_it_was_not_detected_and_at_its_diagnosis_level(
    line, reads, verdict, place
):
    (track,) = follow_clones(*line(reads)).tracks
    assert (track.verdict, track.since) == (verdict, track.points[place].drawn_on)


def test_dominant_clones_are_followed_two_a_system_and_minor_ones_from_their_share(line):
    got = follow_clones(*line([300_000], [100_000], [40_000], [5_000], [900]))
    assert [track.role for track in got.tracks] == ["index", "index", "further index", "minor"]
    assert "clonotype.further_index" in {finding.code for finding in got.findings}


def clone(repertoire, code, reads, **more):
    return CloneCount(
        repertoire_id=repertoire, clone_id=code, locus="TRG", reads=reads, locus_reads=1000, **more
    )


@pytest.mark.parametrize(
    ("first", "later", "ground"),
    [
        ({"code": "ACGTACGTACGT"}, {"code": "ACGTACGTACGT"}, "clone id"),
        (
            {"code": "7", "v_call": "TRGV2*01", "j_call": "TRGJ1*01", "junction": "TGT"},
            {"code": "3", "v_call": "TRGV2*02", "j_call": "TRGJ1*01", "junction": "TGT"},
            "junction",
        ),
        ({"code": "7", "sequence": "ACGT"}, {"code": "3", "sequence": "ACGT"}, "sequence"),
    ],
)
def test_a_clone_is_the_same_by_window_junction_or_sequence(first, later, ground):
    held = [Repertoire(repertoire_id=name, analysed_reads=1000) for name in "AB"]
    counts = [clone("A", first.pop("code"), 500, **first), clone("B", later.pop("code"), 20, **later)]
    (track,) = follow_clones(held, counts).tracks
    assert ([point.reads for point in track.points], track.identity) == ([500, 20], ground)


def test_numbers_that_programs_give_to_clones_say_nothing_across_repertoires():
    held = [Repertoire(repertoire_id=name, analysed_reads=1000) for name in "AB"]
    other = {"v_call": "TRGV9*01", "j_call": "TRGJ1*01", "junction": "AAA"}
    counts = [
        clone("A", "7", 500, v_call="TRGV2*01", j_call="TRGJ1*01", junction="TGT"),
        clone("B", "7", 1000, **other),
    ]
    (track,) = follow_clones(held, counts).tracks
    assert [point.reads for point in track.points] == [500, 0]


def test_a_clone_that_a_cut_list_does_not_name_has_at_most_its_last_count():
    held = [Repertoire(repertoire_id=name, analysed_reads=100_000) for name in "AB"]
    counts = [clone("A", "ACGTACGTACGT", 50_000), clone("B", "TTTTTTTTTTTT", 400)]
    got = follow_clones(held, counts)
    point = got.tracks[0].points[1]
    assert (point.state, point.reads) == ("not detected", None)
    assert point.upper_limit == pytest.approx(400 / 100_000, rel=0.4)  # and the error of the run
    assert "clonotype.list_cut" in {finding.code for finding in got.findings}


def test_index_clones_and_those_that_return_are_series_of_their_own(line):
    repertoires, counts, samples = line([300_000, 0, 9], [2000, 0, 4000], [3000, 5, 0], samples=True)
    got = follow_clones(repertoires, counts, samples=samples)
    assert len(got.assays) == 2
    assert {assay.platform for assay in got.assays} == {"ngs"}
    assert [m.state for m in got.measurements] == [
        "quantified", "not detected", "quantified", "quantified", "not detected", "detected",
    ]  # fmt: skip
    assert [m.point_value for m in got.measurements][3:] == [0.3, None, 9e-6]
    assert {m.unit for m in got.measurements} == {"read_fraction"}
    assert {m.patient_id for m in got.measurements} == {"P1"}
    assert all(from_json(type(one), to_json(one)) == one for one in (*got.measurements, *got.tracks))


def test_standards_give_a_second_series_in_copies_and_are_never_followed(line):
    repertoires, counts, samples = line([300_000, 0, 1200], samples=True, copies_per_read=0.5)
    spike = dataclasses.replace(counts[0], clone_id="SPIKE", reads=250_000, standard="VH1-A")
    got = follow_clones(repertoires, [*counts, spike], samples=samples)
    assert len(got.tracks) == 1
    copies = [m for m in got.measurements if m.unit == "copies"]
    assert [m.point_value for m in copies] == [150_000, None, 600]
    assert copies[1].upper_limit == pytest.approx(1.5, rel=0.05)  # 3.00 reads of half a copy each


def test_a_repertoire_of_no_known_sample_is_left_out_and_said(line):
    repertoires, counts, samples = line([300_000, 0, 12], samples=True)
    got = follow_clones(repertoires, counts, samples=samples[:2])
    assert [finding.subject for finding in got.findings if finding.code == "clonotype.unlinked"] == [
        "repertoire R2"
    ]
    assert len(got.tracks[0].points) == 2


def test_the_day_of_the_sample_table_counts(line):
    repertoires, counts, samples = line([300_000, 0], samples=True)
    moved = [samples[0], dataclasses.replace(samples[1], drawn_on=dt.date(2013, 6, 1))]
    got = follow_clones(repertoires, counts, samples=moved)
    assert got.tracks[0].points[1].drawn_on == dt.date(2013, 6, 1)
    assert "clonotype.date_differs" in {finding.code for finding in got.findings}


@pytest.mark.property
@given(st.permutations(range(3)), st.permutations(range(6)))
def test_the_order_of_the_input_does_not_matter(line_order, count_order):
    days = [dt.date(2020, 1, 1), dt.date(2020, 2, 1), dt.date(2020, 3, 1)]
    held = [
        Repertoire(repertoire_id=f"R{i}", sampled_on=day, analysed_reads=10_000) for i, day in enumerate(days)
    ]
    counts = [
        clone(f"R{i}", code, k)
        for code, ks in (("A" * 12, (900, 0, 30)), ("C" * 12, (60, 0, 90)))
        for i, k in enumerate(ks)
    ]
    plain = follow_clones(held, counts).tracks
    assert follow_clones([held[i] for i in line_order], [counts[i] for i in count_order]).tracks == plain


@pytest.mark.definition
@pytest.mark.parametrize("reads_per_cell", [0.05, 1.0, 1.8, 100.0])
def test_the_bound_counts_cells_and_is_never_too_small(reads_per_cell):
    """Cells of the clone are Poisson, and each gives Poisson reads: no read has probability exp(-q n (1 - exp(-r/n)))."""
    cells = 20_000
    reads = int(reads_per_cell * cells)
    counted = Counted(
        repertoire=Repertoire(repertoire_id="R", input_cells=cells), reads=0, analysed_reads=reads
    )
    evidence = count_evidence(counted, patient_id="P", clone="c", rules=clonotype_rules(), variance=())
    bound = upper_limit(EvidenceBatch.of([evidence]))[0]
    exact = -math.log(0.05) / (cells * -math.expm1(-reads_per_cell))
    assert exact <= bound * 1.0001
    assert bound <= 1.31 * exact


@pytest.mark.coverage
def test_intervals_cover_the_share_when_cells_are_few():
    rng, cells, reads, share = np.random.default_rng(3), 5_000, 50_000, 0.004
    seen = rng.poisson(rng.poisson(share * cells, size=1500) * (reads / cells))
    batch = EvidenceBatch.of(
        [
            count_evidence(
                Counted(repertoire=Repertoire(repertoire_id="R", input_cells=cells), reads=int(k), analysed_reads=reads),
                patient_id="P", clone="c", rules=clonotype_rules(), variance=(),
            )
            for k in seen
        ]
    )  # fmt: skip
    found = interval(batch)
    assert 0.93 <= ((found.lower <= share) & (share <= found.upper)).mean() <= 0.97
