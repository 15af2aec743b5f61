"""FCS files: real ones of many instruments, made ones of every number type, repairs, refusals, damaged bytes."""

import datetime as dt
import io
import random
import warnings

import flowio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remnant.acquire import RefusedFileError, read, read_path
from remnant.acquire.fcs import read_fcs, read_fcs_path
from remnant.assay.flow.counting import axis_values
from remnant.errors import NotFoundError
from remnant.example.fcs import fcs_bytes
from remnant.records.flow import Channel
from remnant.records.gate import Axis, SpectrumMatrix

FILES = 400


def channels(*names, bits=32, top=1024.0, **more):
    return [Channel(name=name, label="", bits=bits, top=top, **more) for name in names]


def codes(events):
    return [finding.code for finding in events.findings]


def stored(events):
    return np.column_stack(events.columns)


@pytest.fixture(scope="module")
def made():
    values = np.arange(30, dtype="<f4").reshape(10, 3)
    matrix = SpectrumMatrix(
        name="FCS", fluorochromes=("B", "C"), detectors=("B", "C"), spectrum=((1.0, 0.1), (0.2, 1.0))
    )
    return fcs_bytes(values, channels("A", "B", "C"), spillover=matrix, acquired_on=dt.date(2020, 4, 3))


@pytest.mark.reference
def test_every_real_file_is_read_as_flowio_reads_it(real_data):
    found = sorted((real_data / "flow").rglob("*.fcs")) + sorted((real_data / "flow").rglob("*.001"))
    read_ones = 0
    for path in found:
        if path.name in {"corrupted.fcs", "fake_large_fcs.fcs"}:  # FlowIO reads neither
            continue
        events = read_fcs_path(path)[0]
        with warnings.catch_warnings():  # FlowIO warns of the offsets that are findings here
            warnings.simplefilter("ignore")
            peer = flowio.FlowData(
                io.BytesIO(path.read_bytes()), ignore_offset_error=True, ignore_offset_discrepancy=True
            )
        kept = [
            column if mask is None else column & mask
            for column, mask in zip(events.columns, events.masks, strict=True)
        ]
        assert np.array_equal(np.column_stack(kept).ravel(), np.asarray(peer.events)), path.name
        if path.parent.name == "noncompliant":  # FlowIO stops at their time step, which is no number
            continue
        axes = [Axis(channel=channel.name) for channel in events.tube.channels]
        ours, theirs = axis_values(events, axes), peer.as_array(preprocess=True)
        assert ours == pytest.approx(theirs, rel=1e-12), path.name
        read_ones += 1
    assert read_ones >= 16


def test_findings_of_the_real_files_are_what_a_person_would_say(real_data):
    flow = real_data / "flow"
    start = read_fcs_path(flow / "noncompliant" / "data_start_offset_discrepancy_example.fcs")[0]
    assert "fcs.offset_disagreement" in codes(start)
    vendor = read_fcs_path(flow / "vendor" / "SG_2014-09-26_Duplicate_Names.fcs")[0]
    assert "fcs.offset_off_by_one" in codes(vendor)
    assert codes(read_fcs_path(flow / "vendor" / "facs_diva_test.fcs")[0]) == []
    with pytest.raises(RefusedFileError, match="not a cytometry file"):
        read_fcs_path(flow / "vendor" / "corrupted.fcs")


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8", "<u2", ">u2", "<u4", ">u4", "u1", "<u8"])
def test_every_number_type_and_byte_order_is_read(dtype):
    values = (np.arange(24).reshape(8, 3) % 200).astype(dtype)
    bits = 8 * values.dtype.itemsize
    events = read_fcs("x.fcs", fcs_bytes(values, channels("A", "B", "C", bits=bits, top=float(2**bits))))[0]
    assert np.array_equal(stored(events), values)


def test_mixed_types_of_fcs_3_2_and_24_bit_integers_are_read():
    row = np.dtype([("A", "<u2"), ("B", "<f4"), ("C", "<f8"), ("D", "u1", (3,))])
    data = np.zeros(4, row)
    data["A"], data["B"], data["C"] = [1, 2, 3, 4], [0.5, 1.5, 2.5, 3.5], [1e9, 2e9, 3e9, 4e9]
    data["D"] = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [255, 255, 255]]
    made = fcs_bytes(
        data.view(np.uint8).reshape(4, -1),
        channels("A", bits=16) + channels("B", bits=32) + channels("C", bits=64) + channels("D", bits=24),
        more={
            "$DATATYPE": "F",
            "$P1DATATYPE": "I",
            "$P3DATATYPE": "D",
            "$P4DATATYPE": "I",
            "$BYTEORD": "1,2,3,4",
        },
        version="3.2",
    )
    # the writer's own end of the data is for equal columns
    events = read_fcs("x.fcs", made)[0]
    assert events.tube.version == "3.2"
    assert events.columns[0].tolist() == [1, 2, 3, 4]
    assert events.columns[1].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert events.columns[2].tolist() == [1e9, 2e9, 3e9, 4e9]
    assert events.columns[3].tolist() == [1, 256, 65536, 2**24 - 1]


def test_bits_above_the_range_do_not_count():
    values = np.array([[0x0401], [0x03FF]], "<u2")
    events = read_fcs("x.fcs", fcs_bytes(values, channels("A", bits=16, top=1024.0)))[0]
    assert axis_values(events, [Axis(channel="A")])[:, 0].tolist() == [1.0, 1023.0]


def test_amplifiers_gains_and_time_are_undone():
    values = np.array([[512, 100, 30]], "<u2")
    made = channels("L", bits=16, log_decades=4.0, log_offset=1.0) + channels("G", bits=16, gain=4.0)
    made += channels("Time", bits=16, gain=0.01)
    events = read_fcs("x.fcs", fcs_bytes(values, made, more={"$TIMESTEP": "0.1"}))[0]
    found = axis_values(events, [Axis(channel=name) for name in ("L", "G", "Time")])[0]
    assert found == pytest.approx([100.0, 25.0, 3.0])


def test_several_data_sets_are_all_read(made):
    first = made.replace(b"$NEXTDATA/0/", b"$NEXTDATA/%d/" % (len(made) + 3))
    first = fcs_bytes(
        np.arange(30, dtype="<f4").reshape(10, 3), channels("A", "B", "C"), more={"$NEXTDATA": "000999"}
    )
    first = first.replace(b"000999", b"%06d" % len(first))
    sets = read_fcs("x.lmd", first + made)
    assert [one.tube.data_set for one in sets] == [1, 2]
    assert sets[1].tube.acquired_on == dt.date(2020, 4, 3)
    gone = read_fcs("x.lmd", first)[0]
    assert "fcs.next_data" in codes(gone)


def test_values_are_views_of_the_file(made, tmp_path):
    path = tmp_path / "x.fcs"
    path.write_bytes(made)
    events = read_fcs_path(path)[0]
    assert all(column.base is not None and not column.flags.writeable for column in events.columns)
    assert read_path(path).tubes[0] == events.tube


def test_an_import_tells_the_tube_and_its_findings(made):
    acquired = read("x.fcs", made)
    assert acquired.source.format == "fcs 3.1"
    assert acquired.tubes[0].spillover.detectors == ("B", "C")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"$MODE/L", b"$MODE/H", "fcs.histogram"),
        (b"$DATATYPE/F", b"$DATATYPE/A", "fcs.data_type"),
        (b"$BYTEORD/1,2,3,4", b"$BYTEORD/3,4,1,2", "fcs.byte_order"),
        (b"$PAR/3", b"$PAR/0", "fcs.channels"),
        (b"$TOT/10", b"$TOT/99", "fcs.truncated"),
        (b"FCS3.1", b"FCS9.9", "fcs.version"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(made, old, new, code):
    assert old in made
    with pytest.raises(RefusedFileError) as told:
        read("x.fcs", made.replace(old, new))
    assert told.value.details[0].code == code


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"$P2N/B", b"$P2N/A", "fcs.channel_repeated"),
        (b"$P2N/B", b"$Q2N/B", "fcs.channel_unnamed"),
        (b"$TOT/10", b"$TXT/10", "fcs.total_missing"),
        (b"$P1B/32", b"$P1B/16", "fcs.bit_width_repaired"),
        (b"$SPILLOVER/2", b"$SPILLOVER/9", "fcs.spillover_unusable"),
        (b"$BEGINSTEXT/0", b"$BEGINSTEXT/7", "fcs.supplementary_text"),
        (b"$TOT/10", b"$TOT/ 9", "fcs.data_length"),
        (b"$P2N/B/", b"$PAR/3/", "fcs.channel_unnamed"),
    ],
)
def test_repairs_are_findings(made, old, new, code):
    assert old in made
    assert code in codes(read_fcs("x.fcs", made.replace(old, new))[0])


def test_a_missing_file_and_an_empty_one(tmp_path):
    with pytest.raises(NotFoundError):
        read_fcs_path(tmp_path / "absent.fcs")
    (tmp_path / "empty.fcs").touch()
    with pytest.raises(RefusedFileError):
        read_fcs_path(tmp_path / "empty.fcs")


@pytest.mark.reference
def test_flowio_reads_what_we_write(made):
    peer = flowio.FlowData(io.BytesIO(made))
    assert peer.as_array().tolist() == np.arange(30.0).reshape(10, 3).tolist()


def damaged(chance, data):
    """Bytes flipped, cut, repeated or replaced by digits and delimiters."""
    data = bytearray(data)
    for _ in range(chance.choice([1, 2, 5, 20])):
        place = (
            chance.randrange(min(len(data), 900))
            if data and chance.random() < 0.8
            else chance.randrange(len(data) + 1)
        )
        how = chance.randrange(5)
        end = place + chance.randrange(1, 60)
        if how == 0 and place < len(data):
            data[place] ^= 1 << chance.randrange(8)
        elif how == 1:
            del data[place:end]
        elif how == 2:
            data[place:place] = chance.choice([b"9", b"/", b"-", b",", b"\0", b"$PAR/9999999/", b"1e300"])
        elif how == 3:
            data[place:end] = bytes(chance.choice(b"0123456789") for _ in data[place:end])
        else:
            del data[max(place, 58) :]
    return bytes(data)


@pytest.mark.property
def test_damaged_files_are_read_or_refused(made):
    chance = random.Random(6)  # noqa: S311 - chosen, not secret
    seen = set()
    for _ in range(FILES):
        try:
            for events in read_fcs("x.fcs", damaged(chance, made)):
                seen.add("read")
                assert sum(len(column) for column in events.columns) <= 10 * len(made)
        except RefusedFileError as refused:
            seen.add(refused.details[0].code)
    assert {"read", "fcs.truncated"} <= seen


@pytest.mark.property
@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_random_bytes_after_a_header_are_read_or_refused(data):
    header = b"FCS3.1          58     400     401     900       0       0"
    try:
        read_fcs("x.fcs", header + data)
    except RefusedFileError as refused:
        assert refused.details[0].code.startswith("fcs.")  # noqa: PT017 - reading is as good
