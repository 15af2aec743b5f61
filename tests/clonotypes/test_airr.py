"""Tables of rearrangements: AIRR, and the clones of MiXCR."""

import pytest

from remnant.acquire import read, read_path

HEADER = "sequence_id\tv_call\tj_call\tjunction\tduplicate_count\tclone_id\trepertoire_id\n"
ROWS = (
    "s1\tTRGV2*01\tTRGJ1*01\tTGTGCC\t10\t7\tS0\n"
    "s2\tTRGV2*02\tTRGJ1*01\tTGTGCC\t90\t7\tS0\n"
    "s3\tIGHV3-9*01\tIGHJ6*02\tTGTGCA\t5\t8\tS0\n"
    "s1\tTRGV2*01\tTRGJ1*01\tTGTGCC\t3\t7\tS1\n"
)


def test_rows_of_one_clone_are_one_count_described_by_the_most_frequent():
    got = read("table.tsv", (HEADER + ROWS).encode())
    assert got.source.format == "airr rearrangements"
    assert [(one.repertoire_id, one.clone_id, one.reads, one.locus_reads) for one in got.clone_counts] == [
        ("S0", "7", 100, 100), ("S0", "8", 5, 5), ("S1", "7", 3, 3),
    ]  # fmt: skip
    assert got.clone_counts[0].v_call == "TRGV2*02"
    assert [one.locus for one in got.clone_counts] == ["TRG", "IGH", "TRG"]
    assert {finding.code for finding in got.findings} == {"airr.reads_listed_only", "clonotype.no_date"}


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (HEADER.replace("duplicate_count", "score") + ROWS, ["airr.counts"]),
        (HEADER + ROWS.replace("\t90\t", "\tmany\t"), ["airr.count"]),
        (HEADER + ROWS.replace("\t90\t", "\t-9\t").replace("\t5\t", "\t1.5\t"), ["airr.count", "airr.count"]),
        (HEADER + ROWS.replace("IGHV3-9*01", "?"), ["airr.locus"]),
        (HEADER + ROWS.replace("s2\t", "s1\t"), ["row.repeated"]),
        (HEADER + ROWS.replace("\tS1\n", "\t\n"), ["cell.empty"]),
        (HEADER + ROWS + "s9\tTRGV2\n", ["row.length"]),
        (HEADER, ["sheet.no_rows"]),
        (HEADER.replace("clone_id", "junction") + ROWS, ["sheet.column_twice"]),
    ],
)
def test_what_is_wrong_is_named(refused, text, codes):
    assert refused(text.encode(), "table.tsv") == codes


@pytest.mark.reference
def test_the_table_of_vidjil_is_read_by_its_sequences(real_data):
    got = read_path(real_data / "clonotypes" / "airr_vidjil.tsv")
    assert len(got.clone_counts) == 14
    assert {"TRA+D", "IGH+", "IGK+", "TRG"} < {one.locus for one in got.clone_counts}
    assert all(one.reads == 1 and one.sequence for one in got.clone_counts)


@pytest.mark.reference
def test_the_table_of_mixcr_is_read_without_scores(real_data):
    got = read_path(real_data / "clonotypes" / "airr_mixcr.tsv")
    assert got.source.format == "mixcr clones"
    assert [(one.clone_id, one.locus, one.reads) for one in got.clone_counts][:2] == [
        ("0", "TRD", 1),
        ("1", "IGH", 1),
    ]
    assert got.clone_counts[5].v_call == "TRBV11-2*00"
    assert all(one.junction and len(one.junction) < 80 for one in got.clone_counts)
