"""Records to JSON, and back without loss.

One codec for all records: the fields and their annotations are the schema, so that the object, its JSON and
its table (`remnant.records.frames`) cannot drift apart. Dates become ISO text.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
import math
import operator
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeVar, Union, cast

from remnant.errors import InputError

__all__ = ["encode", "from_dict", "from_json", "hints", "scalar_types", "to_dict", "to_json"]

R = TypeVar("R")
_Decoder = Callable[[Any], Any]

_SCALARS: Final = frozenset({str, int, float, bool, dt.date, dt.datetime})

_PLAIN: Final = frozenset({str, int, bool, types.NoneType})
"""What JSON holds as it is."""


_type_hints = functools.cache(typing.get_type_hints)


def hints(cls: Any) -> dict[str, Any]:
    """Annotations of a record's fields.

    Parameters
    ----------
    cls : type
        A record class.

    Returns
    -------
    dict of str to Any
        Types, not their names.
    """
    return _type_hints(cls)


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in {Union, types.UnionType}


def _without_none(hint: Any) -> Any:
    if not _is_union(hint):
        return hint
    rest = [part for part in typing.get_args(hint) if part is not type(None)]
    return rest[0] if len(rest) == 1 else functools.reduce(operator.or_, rest)


def scalar_types(cls: type) -> dict[str, type | None]:
    """What one cell of a table can hold of each field.

    Parameters
    ----------
    cls : type
        A record class.

    Returns
    -------
    dict of str to type or None
        One entry a field, in order: text, number, truth value, date or instant; None for a nested field.

    Examples
    --------
    >>> from remnant.records.patient import Event
    >>> scalar_types(Event)["on"]
    <class 'datetime.date'>
    """
    return {field.name: _scalar(hints(cls)[field.name]) for field in dataclasses.fields(cls)}


def _scalar(hint: Any) -> type | None:
    hint = _without_none(hint)
    if typing.get_origin(hint) is Literal:
        return str
    return hint if hint in _SCALARS else None


_is_record = functools.cache(dataclasses.is_dataclass)


@functools.cache
def _names(cls: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


def encode(value: Any) -> Any:
    """Value of a field as JSON can hold it.

    Parameters
    ----------
    value : Any
        Scalar, date, record, or a sequence of these.

    Returns
    -------
    Any
        Dictionaries, lists, texts, numbers; infinities as the text ``"inf"`` and ``"-inf"``.
    """
    kind: Any = type(value)
    if kind in _PLAIN:
        return value
    if _is_record(kind):
        return to_dict(value)
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, tuple | list | frozenset):
        return [encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def to_dict(record: Any) -> dict[str, Any]:
    """Record as a dictionary that JSON can hold.

    Parameters
    ----------
    record : record
        Any frozen record.

    Returns
    -------
    dict
        One entry a field; infinities as the text ``"inf"`` and ``"-inf"``.
    """
    return {name: encode(getattr(record, name)) for name in _names(cast("Any", type(record)))}


def to_json(record: Any) -> str:
    """Record as one line of JSON.

    Parameters
    ----------
    record : record
        Any frozen record.

    Returns
    -------
    str
        JSON text.
    """
    return json.dumps(to_dict(record), ensure_ascii=False, separators=(",", ":"))


def _as_date(value: Any) -> dt.date:
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(value)


def _as_datetime(value: Any) -> dt.datetime:
    return value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value)


_CONVERTED: dict[Any, _Decoder] = {float: float, dt.date: _as_date, dt.datetime: _as_datetime}


def _as_member(value: Any, hint: Any, members: Mapping[str, type]) -> Any:
    """Pick the member of a union of records by its ``kind`` tag."""
    if value.get("kind") not in members:
        raise InputError(
            where="record",
            found=f"kind {value.get('kind')!r}",
            needed=f"one of {hint}",
            advice="The file was written by another version.",
        )
    return from_dict(members[value["kind"]], value)


def _as_tuple(value: Any, inner: tuple[_Decoder | None, ...], *, repeated: bool) -> tuple[Any, ...]:
    if repeated:
        one = inner[0]
        return tuple(value) if one is None else tuple([None if x is None else one(x) for x in value])
    return tuple([x if x is None or f is None else f(x) for x, f in zip(value, inner, strict=True)])


@functools.cache
def _decoder(hint: Any) -> _Decoder | None:
    """How a value of an annotation is read back; None if it stands as it is."""
    hint = _without_none(hint)
    if _is_union(hint):
        members = {
            typing.get_args(hints(member)["kind"])[0]: cast("type", member)
            for member in typing.get_args(hint)
            if dataclasses.is_dataclass(member)
        }
        return functools.partial(_as_member, hint=hint, members=members)
    if dataclasses.is_dataclass(hint):
        return functools.partial(from_dict, cast("type", hint))
    if typing.get_origin(hint) is tuple:
        parts = typing.get_args(hint)
        repeated = len(parts) == 2 and parts[1] is Ellipsis
        inner = tuple(_decoder(part) for part in (parts[:1] if repeated else parts))
        return functools.partial(_as_tuple, inner=inner, repeated=repeated)
    return _CONVERTED.get(hint)


@functools.cache
def _decoders(cls: Any) -> dict[str, _Decoder | None]:
    return {name: _decoder(hint) for name, hint in hints(cls).items()}


def from_dict(cls: type[R], data: Mapping[str, Any]) -> R:
    """Record from the dictionary that `to_dict` made.

    Parameters
    ----------
    cls : type
        Record class.
    data : mapping
        One entry a field; absent fields take their default.

    Returns
    -------
    record
        An equal record.

    Raises
    ------
    InputError
        If a field is unknown, or one without default is missing.
    """
    decoders = _decoders(cast("Any", cls))
    unknown = sorted(data.keys() - decoders.keys())
    if unknown:
        raise InputError(
            where=cls.__name__,
            found="fields " + ", ".join(unknown),
            needed=", ".join(decoders),
            advice="The data was written by another version.",
        )
    values = {}
    for name, value in data.items():
        decode = decoders[name]
        values[name] = value if value is None or decode is None else decode(value)
    try:
        return cls(**values)
    except TypeError as error:
        raise InputError(
            where=cls.__name__, found=str(error), needed="all fields", advice="The record is incomplete."
        ) from error


def from_json(cls: type[R], text: str) -> R:
    """Record from one line of JSON.

    Parameters
    ----------
    cls : type
        Record class.
    text : str
        What `to_json` wrote.

    Returns
    -------
    record
        An equal record.
    """
    return from_dict(cls, json.loads(text))
