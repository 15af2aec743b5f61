"""RDML documents made for one question each."""

import datetime as dt
import math

import numpy as np
import pytest

from remnant.acquire import RefusedFileError, read


def wells_of(document):
    return read("plate.rdml", document).wells


def findings_of(document):
    return {finding.code: finding for finding in read("plate.rdml", document).findings}


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4"])
def test_all_versions_zipped_or_not(rdml, zipped, version):
    document = rdml.one(rdml.data(), version=version)
    for data in (document, b"\xef\xbb\xbf" + document, zipped({"rdml_data.xml": document})):
        acquired = read("plate.rdml", data)
        assert acquired.source.format == f"rdml {version}"
        assert [(w.run_id, w.position, w.target, w.sample, w.cq) for w in acquired.wells] == [
            ("R-1", "A01", "WT1", "S-1", 30.5)
        ]


@pytest.mark.parametrize("prefix", ["", "r:"])
def test_the_namespace_may_have_any_prefix_or_none(prefix):
    space = ' xmlns:r="http://www.rdml.org"' if prefix else ""
    text = (
        f'<{prefix}rdml version="1.2"{space}><{prefix}sample id="S"><{prefix}type>unkn</{prefix}type></{prefix}sample>'
        f'<{prefix}experiment id="E"><{prefix}run id="R"><{prefix}react id="A1"><{prefix}sample id="S"/>'
        f'<{prefix}data><{prefix}tar id="T"/><{prefix}cq>20</{prefix}cq></{prefix}data></{prefix}react></{prefix}run>'
        f"</{prefix}experiment></{prefix}rdml>"
    )
    (well,) = wells_of(text.encode())
    assert (well.position, well.target, well.cq) == ("A01", "T", 20.0)


@pytest.mark.parametrize(("name", "kind"), [("NTC", "ntc"), ("ntc_2", "ntc"), ("NTC patient", "unknown")])
def test_an_unknown_named_as_a_blank_is_one_and_said_to_be(rdml, name, kind):
    samples = f'<sample id="{name}"><type>unkn</type></sample>'
    document = rdml.document(rdml.run(rdml.react("A1", name, rdml.data())), samples=samples)
    assert [well.kind for well in wells_of(document)] == [kind]
    assert ("rdml.blank_by_name" in findings_of(document)) == (kind == "ntc")


@pytest.mark.parametrize(
    ("written", "detected", "cq"),
    [
        ("-1", False, None),
        ("-1.0", False, None),
        ("NaN", False, None),
        ("nan", False, None),
        ("", None, None),
        (None, None, None),
        (" 33.25 ", True, 33.25),
        ("1e1", True, 10.0),
    ],
)
def test_cq_not_found_differs_from_cq_not_stored(rdml, written, detected, cq):
    well, other = wells_of(rdml.one(rdml.data(cq=written), rdml.data("ABL1")))
    assert (well.detected, well.cq) == (detected, cq)
    assert (other.detected, other.cq) == (True, 30.5)


@pytest.mark.parametrize("written", ["-2", "0", "abc", "inf", "101", "30,5"])
def test_other_cq_are_refused(rdml, codes, written):
    assert codes(rdml.one(rdml.data(cq=written))) == ["rdml.cq"]


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("unkn", "unknown"),
        ("std", "standard"),
        ("ntc", "ntc"),
        ("nac", "negative_control"),
        ("ntp", "negative_control"),
        ("nrt", "no_rt"),
        ("pos", "positive_control"),
        ("opt", "calibrator"),
    ],
)
def test_sample_types(rdml, written, kind):
    samples = f'<sample id="S-1"><type>{written}</type></sample>'
    (well,) = wells_of(rdml.one(rdml.data(), samples=samples))
    assert well.kind == kind


def test_types_and_quantities_by_target(rdml):
    samples = (
        '<sample id="S-1"><type targetId="WT1">std</type><type targetId="ABL1">unkn</type>'
        '<quantity targetId="WT1"><value>1e3</value><unit>cop</unit></quantity></sample>'
    )
    wt1, abl1 = wells_of(rdml.one(rdml.data("WT1"), rdml.data("ABL1"), samples=samples))
    assert (wt1.kind, wt1.standard_copies) == ("standard", 1000.0)
    assert (abl1.kind, abl1.standard_copies) == ("unknown", None)


def test_sample_without_type_is_an_unknown_and_said(rdml):
    document = rdml.one(rdml.data(), samples='<sample id="S-1"/>')
    assert wells_of(document)[0].kind == "unknown"
    assert "rdml.type_missing" in findings_of(document)


@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        ("<quantity><value>100</value></quantity>", "rdml.standard_unit_missing"),
        ("<quantity><value>100</value><unit>copies</unit></quantity>", "rdml.standard_unit_missing"),
        ("<quantity><value>many</value><unit>cop</unit></quantity>", "rdml.standard_quantity"),
        ("<quantity><value>0</value><unit>cop</unit></quantity>", "rdml.standard_quantity"),
        ("<quantity><value>NaN</value><unit>cop</unit></quantity>", "rdml.standard_quantity"),
    ],
)
def test_copies_of_a_standard_are_never_guessed(rdml, codes, quantity, code):
    samples = f'<sample id="S-1"><type>std</type>{quantity}</sample>'
    assert codes(rdml.one(rdml.data(), samples=samples)) == [code]


@pytest.mark.parametrize("unit", ["fold", "dil", "ng", "nMol", "other"])
def test_standards_in_another_unit_have_no_copies(rdml, unit):
    samples = (
        f'<sample id="S-1"><type>std</type><quantity><value>5</value><unit>{unit}</unit></quantity></sample>'
    )
    document = rdml.one(rdml.data(), samples=samples)
    assert wells_of(document)[0].standard_copies is None
    assert findings_of(document)["rdml.standard_unit"].found == unit


@pytest.mark.parametrize(
    ("rows", "columns", "number", "position"),
    [
        (8, 12, "1", "A01"),
        (8, 12, "12", "A12"),
        (8, 12, "13", "B01"),
        (8, 12, "96", "H12"),
        (16, 24, "384", "P24"),
        (32, 48, "1536", "AF48"),
        (1, 72, "72", "72"),
        (8, 12, "c7", "C07"),
        ("", "", "D4", "D04"),
    ],
)
def test_positions_follow_the_plate(rdml, rows, columns, number, position):
    run = rdml.run(rdml.react(number, "S-1", rdml.data()), plate=rdml.plate(rows, columns))
    assert wells_of(rdml.document(run))[0].position == position


@pytest.mark.definition
def test_positions_of_a_plate_equal_the_literal_enumeration(rdml):
    reacts = [rdml.react(n, "S-1", rdml.data()) for n in range(1, 97)]
    literal = [f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 13)]
    assert [well.position for well in wells_of(rdml.document(rdml.run(*reacts)))] == literal


@pytest.mark.parametrize("number", ["97", "0", "-3", "x", "", "99999999999999999999", "9" * 5000])
def test_reactions_off_the_plate_are_refused(rdml, codes, number):
    assert codes(rdml.one(rdml.data(), number=number)) == ["rdml.react_id"]


@pytest.mark.parametrize("rows", ["inf", "nan", "-1", "1e3", "x", "9" * 5000, ""])
def test_a_plate_of_nonsense_leaves_numbers_as_they_are(rdml, rows):
    run = rdml.run(rdml.react(7, "S-1", rdml.data()), plate=rdml.plate(rows, rows))
    assert wells_of(rdml.document(run))[0].position == "7"


def test_exclusions_keep_their_reason(rdml):
    reasons = ["<excl>bubble</excl>", "<excl/>", "<excl>false</excl>", ""]
    reacts = [rdml.react(n, "S-1", rdml.data(more=more)) for n, more in enumerate(reasons, start=1)]
    wells = wells_of(rdml.document(rdml.run(*reacts)))
    assert [well.excluded for well in wells] == ["bubble", "excluded without a reason", None, None]


def test_run_ids_carry_the_experiment_only_if_there_are_several(rdml):
    react = rdml.react(1, "S-1", rdml.data())
    two = rdml.document(rdml.run(react, name="P1"), rdml.run(react, name="P2"))
    assert [run.run_id for run in read("x.rdml", two).runs] == ["E-1/P1", "E-1/P2"]
    assert [well.run_id for well in wells_of(two)] == ["E-1/P1", "E-1/P2"]
    assert [run.run_id for run in read("x.rdml", rdml.document(rdml.run(react, name="P1"))).runs] == ["P1"]


def test_run_carries_what_the_file_says(rdml):
    before = '<experimenter id="AB"/><instrument>Cycler</instrument><runDate>2020-04-03T10:11:12</runDate>'
    definitions = (
        '<experimenter id="AB"><firstName>A</firstName><lastName>B</lastName></experimenter>'
        '<dye id="FAM"><dyeChemistry>hydrolysis probe</dyeChemistry></dye>'
    )
    curve = rdml.adp([1, 2, 3]) + "<quantFluor>0.1</quantFluor>"
    document = rdml.document(
        rdml.run(rdml.react(1, "S-1", rdml.data(more=curve)), before=before), before=definitions
    )
    (run,) = read("x.rdml", document).runs
    assert (run.run_on, run.instrument, run.operator) == (dt.date(2020, 4, 3), "Cycler", "A B")
    assert (run.chemistry, run.threshold, run.cycles) == ("hydrolysis probe", 0.1, 3)


def test_several_thresholds_are_not_one(rdml):
    data = [
        rdml.data(target, more=f"<quantFluor>{t}</quantFluor>") for target, t in (("WT1", 0.1), ("ABL1", 0.2))
    ]
    document = rdml.one(*data)
    assert read("x.rdml", document).runs[0].threshold is None
    assert "rdml.thresholds_differ" in findings_of(document)


def test_curves_share_their_cycles_and_leave_gaps(rdml):
    reacts = [
        rdml.react(1, "S-1", rdml.data(more=rdml.adp([0.1, 0.2, 0.4]))),
        rdml.react(2, "S-1", rdml.data(more=rdml.adp([1, "NaN"], first=3))),
        rdml.react(3, "S-1", rdml.data()),
    ]
    (curves,) = read("x.rdml", rdml.document(rdml.run(*reacts))).curves
    assert curves.wells == (("R-1", "A01", "WT1"), ("R-1", "A02", "WT1"))
    np.testing.assert_array_equal(curves.cycles, [1, 2, 3, 4])
    nan = math.nan
    np.testing.assert_array_equal(curves.fluorescence, [[0.1, 0.2, 0.4, nan], [nan, nan, 1, nan]])


@pytest.mark.parametrize(
    "curve",
    [
        "<adp><cyc>1</cyc><fluor>x</fluor></adp>",
        "<adp><cyc>1</cyc></adp>",
        "<adp><cyc>1</cyc><fluor>1</fluor></adp><adp><cyc>1</cyc><fluor>2</fluor></adp>",
        "<adp><cyc>1.5</cyc><fluor>1</fluor></adp>",
        "<adp><cyc>100000000</cyc><fluor>1</fluor></adp>",
        "<adp><cyc>1</cyc><fluor>inf</fluor></adp>",
    ],
)
def test_broken_curves_are_refused(rdml, codes, curve):
    assert codes(rdml.one(rdml.data(more=curve))) == ["rdml.curve"]


def test_curves_without_cq_are_read_and_what_is_missing_is_said(rdml):
    document = rdml.one(rdml.data(cq=None, more=rdml.adp([1, 2])))
    finding = findings_of(document)["rdml.no_cq"]
    assert finding.severity == "warning"
    assert finding.needed
    assert finding.advice


def test_cq_at_the_last_cycle_is_noted_and_kept(rdml):
    document = rdml.one(rdml.data(cq="40.0", more=rdml.adp(range(40))))
    assert wells_of(document)[0].cq == 40.0
    assert "rdml.cq_at_last_cycle" in findings_of(document)
    assert "rdml.cq_at_last_cycle" not in findings_of(
        rdml.one(rdml.data(cq="39.9", more=rdml.adp(range(40))))
    )


def test_what_is_not_read_is_named(rdml):
    document = rdml.one(rdml.data(more="<mdp><tmp>60</tmp><fluor>1</fluor></mdp><N0>1</N0>"))
    assert "N0, mdp" in findings_of(document)["rdml.not_read"].message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"version": "2.0"}, ["rdml.version"]),
        ({"version": ""}, ["rdml.version"]),
        ({"samples": ""}, ["rdml.sample"]),
        ({"samples": '<sample id="S-1"><type>water</type></sample>'}, ["rdml.sample_type"]),
        ({"samples": '<sample id="S-1"><type>unkn</type></sample>' * 2}, ["rdml.sample_twice"]),
        ({"samples": '<sample id="S-1"/>' + "<sample/>" * 3}, ["rdml.sample_id"] * 2),
        ({"sample": ""}, ["rdml.sample"]),
    ],
)
def test_contradictions_are_refused(rdml, codes, change, expected):
    assert codes(rdml.one(rdml.data(), **change)) == expected


def test_all_problems_come_at_once(rdml, codes):
    reacts = [
        rdml.react(1, "S-1", rdml.data(cq="0")),
        rdml.react(1, "S-1", rdml.data(cq="5")),
        rdml.react(500, "nobody", rdml.data()),
    ]
    run = rdml.run(*reacts, before="<runDate>yesterday</runDate>")
    assert sorted(codes(rdml.document(run, version="9"))) == sorted(
        ["rdml.version", "rdml.cq", "rdml.react_id", "rdml.sample", "rdml.well_twice", "rdml.run_date"]
    )


def test_a_problem_says_where(rdml):
    with pytest.raises(RefusedFileError) as refused:
        read("folder/plate.rdml", rdml.one(rdml.data(cq="0")))
    (problem,) = refused.value.details
    assert (problem.file, problem.sheet, problem.column, problem.value) == (
        "plate.rdml",
        "R-1, reaction 1, target WT1",
        "cq",
        "0",
    )
    assert "plate.rdml" in str(refused.value)
    assert "reaction 1" in str(refused.value)


def test_undefined_target_is_read_and_said(rdml):
    document = rdml.one(rdml.data("BAALC"))
    assert wells_of(document)[0].target == "BAALC"
    assert "BAALC" in findings_of(document)["rdml.target_undefined"].message


def test_partitions_are_not_wells(rdml, codes):
    partitions = '<react id="1"><sample id="S-1"/><partitions><volume>0.85</volume></partitions></react>'
    assert codes(rdml.document(rdml.run(partitions))) == ["rdml.no_wells"]


def bomb(levels):
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "lol"}">' for i in range(levels))
    return f'<?xml version="1.0"?><!DOCTYPE rdml [{entities}]><rdml version="&l{levels - 1};">&l{levels - 1};</rdml>'


def test_entities_are_refused_at_once(codes, zipped):
    text = bomb(10)
    assert codes(text) == ["xml.document_type"]
    assert codes(zipped({"rdml_data.xml": text})) == ["xml.document_type"]


def test_a_document_type_in_another_encoding_is_refused(codes):
    for encoding in ("utf-16", "utf-32"):
        text = bomb(10).replace('version="1.0"', f'version="1.0" encoding="{encoding}"', 1)
        assert codes(text.encode(encoding))[0].split(".")[0] in {"xml", "file"}


def test_an_element_of_many_attributes_is_refused(codes):
    attributes = " ".join(f"a{i}='>'" for i in range(1000))
    assert codes(f"<rdml version='1.3' {attributes}/>") == ["xml.attributes"]


def test_more_elements_than_the_limit_are_refused(rdml, codes, monkeypatch):
    monkeypatch.setattr("remnant.acquire.rdml_xml.size", lambda _: 40)
    assert wells_of(rdml.one(rdml.data()))
    assert codes(rdml.one(*[rdml.data(f"T{i}") for i in range(50)])) == ["rdml.elements"]
    assert codes(b"<rdml>" + b"".join(b"<x%d/>" % i for i in range(50)) + b"</rdml>") == ["rdml.elements"]


def test_external_entities_are_not_followed(codes, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("S-1")
    text = f'<!DOCTYPE rdml [<!ENTITY x SYSTEM "{secret.as_uri()}">]><rdml version="1.3">&x;</rdml>'
    assert codes(text) == ["xml.document_type"]


@pytest.mark.parametrize("text", ["<rdml", "<rdml></rdm>", "<a>" * 5000, "<table><row/></table>", "<rdml/>"])
def test_broken_xml_is_refused(codes, text):
    assert codes(text)[0] in {"xml.broken", "xml.depth", "rdml.version"}


def test_zip_bomb_is_refused_by_what_it_declares(codes, zipped):
    content = b" " * 100_000
    data = zipped({"rdml_data.xml": content})
    bomb = data.replace(len(content).to_bytes(4, "little"), (300 << 20).to_bytes(4, "little"))
    assert len(bomb) < 1000
    assert codes(bomb) == ["file.unpacked_size"]


def test_zip_that_lies_about_its_size_is_refused(codes, zipped, rdml):
    document = rdml.one(rdml.data())
    data = zipped({"rdml_data.xml": document}).replace(
        len(document).to_bytes(4, "little"), (len(document) // 2).to_bytes(4, "little")
    )
    assert codes(data) == ["file.damaged_zip"]


@pytest.mark.parametrize("keep", [0.05, 0.5, 0.9, 0.999])
def test_truncated_zip_is_refused(codes, zipped, rdml, keep):
    data = zipped({"rdml_data.xml": rdml.one(*[rdml.data(f"T{i}") for i in range(50)])})
    assert codes(data[: int(keep * len(data))]) == ["file.damaged_zip"]


def test_member_with_another_name_is_read_and_said(rdml, zipped):
    data = zipped({"export.xml": rdml.one(rdml.data())})
    assert {finding.code for finding in read("x.rdml", data).findings} == {"rdml.member_name"}


def test_zip_of_something_else_is_refused(codes, zipped):
    assert codes(zipped({"a.csv": "x", "b.csv": "y"})) == ["file.unknown_archive"]
    assert codes(zipped({})) == ["file.unknown_archive"]


def test_broken_xml_is_told_in_plain_words():
    with pytest.raises(RefusedFileError) as refused:
        read("plate.rdml", b"<rdml version='1.2'>\n<sample></rdml>")
    (problem,) = refused.value.details
    assert problem.value == "XML that cannot be read at line 2, character 16"
