"""Every record class equals its columnar twin and its JSON, fields and values."""

import dataclasses
import datetime as dt
import importlib
import pkgutil
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

import remnant.records
from remnant.errors import InputError
from remnant.evidence.kinds import ErrorTerm, ProfileEvidence
from remnant.records.acquired import Acquired
from remnant.records.amplification import CurveResults
from remnant.records.codec import from_dict, from_json, to_json
from remnant.records.flow import Events
from remnant.records.frames import from_frame, schema, to_frame
from remnant.records.measurement import Measurement
from remnant.records.partition import Amplitudes
from remnant.records.patient import Event
from remnant.records.run import Curves

SIMPLE = {
    str: "text",
    int: 3,
    float: 2.5,
    bool: True,
    dt.date: dt.date(2020, 4, 3),
    dt.datetime: dt.datetime(2020, 4, 3, 9, 30, tzinfo=dt.UTC),
}


def record_classes():
    found = []
    for module in pkgutil.iter_modules(remnant.records.__path__):
        loaded = importlib.import_module(f"remnant.records.{module.name}")
        found += [
            value
            for value in vars(loaded).values()
            if dataclasses.is_dataclass(value)
            and isinstance(value, type)
            and value.__module__ == loaded.__name__
            and value
            not in {
                Amplitudes,
                Curves,
                CurveResults,
                Events,
                Acquired,
            }  # arrays, and a bundle that holds them
        ]
    return found


def example(hint):
    """One value of an annotation, the simplest that tells a round trip."""
    if hint in SIMPLE:
        return SIMPLE[hint]
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)[0]
    if typing.get_origin(hint) is tuple:
        parts = typing.get_args(hint)
        return tuple(example(part) for part in parts if part is not Ellipsis)
    members = [part for part in typing.get_args(hint) if part is not type(None)]
    if members:
        return example(members[0])
    hints = typing.get_type_hints(hint)
    return hint(**{f.name: example(hints[f.name]) for f in dataclasses.fields(hint)})


@pytest.mark.parametrize("cls", record_classes(), ids=lambda cls: cls.__name__)
def test_record_is_frozen_typed_and_survives_json_and_table(cls):
    record = example(cls)
    assert list(schema(cls)) == [field.name for field in dataclasses.fields(cls)]
    assert from_json(cls, to_json(record)) == record
    assert from_frame(to_frame([record, record], cls), cls) == [record, record]
    assert to_frame([], cls).columns == list(schema(cls))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, dataclasses.fields(cls)[0].name, None)


@pytest.mark.parametrize("cls", record_classes(), ids=lambda cls: cls.__name__)
def test_every_field_is_described(cls):
    described = {line.strip() for line in (cls.__doc__ or "").splitlines() if " : " in line}
    names = {name.strip() for line in described for name in line.partition(" : ")[0].split(",")}
    missing = [field.name for field in dataclasses.fields(cls) if field.name not in names]
    assert not missing


def test_a_profile_that_excludes_zero_survives_json():
    evidence = ProfileEvidence(
        log_likelihood=(0.0,) * 64,
        log_likelihood_at_zero=float("-inf"),
        log10_low=-1.0,
        log10_high=1.0,
        errors=(ErrorTerm(name="run:R1", sd_log10=0.07),),
    )
    record = dataclasses.replace(example(Measurement), evidence=evidence)
    assert from_json(Measurement, to_json(record)) == record


@given(day=st.dates(), detail=st.one_of(st.none(), st.text()))
def test_any_text_and_date_survive(day, detail):
    event = Event(patient_id="P-1", kind="relapse", on=day, detail=detail)
    assert from_json(Event, to_json(event)) == event
    assert from_frame(to_frame([event], Event), Event) == [event]


def test_unknown_and_missing_fields_are_refused():
    with pytest.raises(InputError, match="colour"):
        from_dict(Event, {"patient_id": "P", "kind": "relapse", "on": "2020-01-01", "colour": "red"})
    with pytest.raises(InputError, match="incomplete"):
        from_dict(Event, {"patient_id": "P"})
