"""The kinds of table that can be imported, and the columns of each.

Columns are the fields of the records: name, type, whether required, and meaning (from the record's
docstring) come from there, so that file and record cannot drift apart. A Cq table and a table of
reported values have their own columns, since a laboratory writes them in its own way.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import inspect
import re
import types
import typing
from dataclasses import dataclass
from typing import Any, Final, Literal

from remnant.acquire.aliases import COLUMN_ALIASES, fold
from remnant.records.clonotype import Repertoire
from remnant.records.fish import AntigenCount, FishCount, FractionMarker, SortPurity
from remnant.records.flow import PanelEntry, TubeUse
from remnant.records.igtr import IgTrWell
from remnant.records.measurement import ReportedValue
from remnant.records.partition import PlateWell
from remnant.records.patient import Event, Patient, Therapy, Variant
from remnant.records.run import WELL_KINDS, Run, Well
from remnant.records.sample import Cdna, Fraction, Sample

__all__ = ["KINDS", "Accepts", "Column", "Kind", "KindName", "Match", "identify", "kind_of", "recognised"]

Accepts = Literal[
    "text", "number", "whole number", "date", "yes or no", "choice", "cq", "value", "unit", "well"
]
KindName = Literal[
    "patients",
    "events",
    "therapies",
    "variants",
    "samples",
    "cdna",
    "fractions",
    "runs",
    "reported values",
    "cq table",
    "igtr wells",
    "plate layout",
    "fish scores",
    "sort purity",
    "index sort",
    "fraction markers",
    "antigen counts",
    "repertoires",
    "panels",
    "tubes",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a kind of table.

    Attributes
    ----------
    name : str
        The name that templates write.
    meaning : str
        What stands in it.
    required : bool
        Whether the column must be there.
    accepts : Accepts
        What a cell may hold.
    choices : tuple of str
        Allowed values of a choice.
    aliases : tuple of str
        Further names under which it is found.
    filled : bool
        Whether every row needs a value, if the column is there.
    """

    name: str
    meaning: str
    required: bool = False
    accepts: Accepts = "text"
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    filled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of table.

    Attributes
    ----------
    name : KindName
        Name, also the format of the source file.
    record : type
        Record that a row becomes.
    meaning : str
        What a row is.
    columns : tuple of Column
        In the order of the template.
    key : tuple of str
        Columns that may not be equal in two rows.
    """

    name: KindName
    record: type
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which column of a file is which.

    Attributes
    ----------
    kind : Kind
        Kind of the table.
    places : dict of str to int
        Column name to position in the header.
    unknown : tuple of int
        Positions that no column of the kind answers to.
    twice : tuple of (str, tuple of int)
        Columns that several positions answer to.
    """

    kind: Kind
    places: dict[str, int]
    unknown: tuple[int, ...]
    twice: tuple[tuple[str, tuple[int, ...]], ...]


def _meanings(record: type) -> dict[str, str]:
    """Descriptions of a record's fields, from the Attributes section of its docstring."""
    section = inspect.cleandoc(record.__doc__ or "").partition("Attributes\n----------\n")[2]
    meanings: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        if line.startswith(" "):
            meanings.update({name: f"{meanings.get(name, '')} {line.strip()}".strip() for name in names})
        elif " : " in line:
            names = [name.strip() for name in line.partition(" : ")[0].split(",")]
    return {name: re.sub(r"`+", "", text) for name, text in meanings.items()}


def _accepts(hint: Any) -> tuple[Accepts, tuple[str, ...]]:
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is Literal:
        return "choice", typing.get_args(hint)
    plain: dict[Any, Accepts] = {
        float: "number",
        int: "whole number",
        dt.date: "date",
        bool: "yes or no",
    }
    return plain.get(hint, "text"), ()


def _aliases(kind: str, name: str) -> tuple[str, ...]:
    return COLUMN_ALIASES.get(f"{kind}.{name}", COLUMN_ALIASES.get(name, ()))


def _of_record(kind: str, record: type, *, without: tuple[str, ...] = ()) -> tuple[Column, ...]:
    hints, meanings = typing.get_type_hints(record), _meanings(record)
    columns = []
    for field in dataclasses.fields(record):
        if field.name in without:
            continue
        accepts, choices = _accepts(hints[field.name])
        columns.append(
            Column(
                name=field.name,
                meaning=meanings.get(field.name, ""),
                required=field.default is dataclasses.MISSING,
                filled=field.default is dataclasses.MISSING,
                accepts=accepts,
                choices=choices,
                aliases=_aliases(kind, field.name),
            )
        )
    return tuple(columns)


def _changed(columns: tuple[Column, ...], **changes: dict[str, Any]) -> tuple[Column, ...]:
    return tuple(dataclasses.replace(column, **changes.get(column.name, {})) for column in columns)


def _cq_column(name: str, meaning: str, **more: Any) -> Column:
    return Column(name=name, meaning=meaning, aliases=_aliases("cq", name), **more)


_CQ_COLUMNS: Final = (
    _cq_column(
        "run_id",
        "Run of the well. Without this column the table is one run, named after the file.",
        filled=True,
    ),
    _cq_column(
        "well",
        "Place on the plate, A1 to AF48. Without this column it is the row number.",
        accepts="well",
        filled=True,
    ),
    _cq_column("target", "Gene or assay.", required=True, filled=True),
    _cq_column(
        "sample",
        "Name in the well: a cDNA, a sample, a standard or a control. May be empty for type ntc.",
        required=True,
    ),
    _cq_column(
        "type",
        "What the well holds. Without this column every well is an unknown.",
        accepts="choice",
        choices=WELL_KINDS,
        filled=True,
    ),
    _cq_column(
        "quantity", "Amount in a well of a standard; needs the column unit beside it.", accepts="number"
    ),
    _cq_column("unit", "Unit of the quantity: copies."),
    _cq_column(
        "standard_copies", "Copies in a well of a standard; has its unit in its name.", accepts="number"
    ),
    _cq_column(
        "cq", "Quantification cycle, or a word for not detected; empty if none.", accepts="cq", required=True
    ),
    _cq_column(
        "cdna_ul",
        "Volume of undiluted cDNA in the well, microlitres; empty takes the run's.",
        accepts="number",
    ),
    _cq_column("dilution", "Further dilution of the cDNA, 1 for none.", accepts="number"),
    _cq_column("excluded", "The laboratory's reason for leaving the well out; empty if it is in."),
    _cq_column("replicate", "Replicate number.", accepts="whole number"),
)

_IGTR_COLUMNS: Final = _changed(
    _of_record("igtr", IgTrWell, without=("detected",)),
    position={"name": "well", "accepts": "well", "aliases": _aliases("cq", "well")},
    cq={
        "meaning": "Quantification cycle, or a word for not detected; empty if none is stored.",
        "accepts": "cq",
        "filled": False,
    },
)

_REPORTED_COLUMNS: Final = _changed(
    _of_record("reported", ReportedValue),
    control={"filled": False, "meaning": "Control gene; empty for a cell fraction or plain copies."},
    unit={"accepts": "unit", "meaning": "Unit of the value; it is never guessed."},
    value={
        "accepts": "value",
        "meaning": "The value, or its limit: 12.5, <3e-4, >20; a negative needs its limit.",
    },
    upper_limit={"meaning": "Limit of a value written as negative."},
    lower_limit={"meaning": "Limit of a value above the range."},
)

_SCORE_COLUMNS: Final = (
    *_of_record("fish", FishCount, without=("pattern", "nuclei")),
    Column(
        name="pattern",
        meaning="Signal pattern, one a row. A wide sheet has a column a pattern instead, named like 1R1G2F.",
    ),
    Column(name="nuclei", meaning="Nuclei with this pattern.", accepts="whole number"),
    Column(name="iscn", meaning="ISCN string of the slide, in place of patterns.", aliases=("ISCN",)),
)

_FAB_CLASSES: Final = ("M0", "M1", "M2", "M3", "M4", "M4Eo", "M5", "M5a", "M5b", "M6", "M7")

_INDEX_COLUMNS: Final = (
    Column(
        name="fraction_id",
        meaning="Fraction the cell was sorted into.",
        required=True,
        filled=True,
        aliases=_aliases("index", "fraction_id"),
    ),
    Column(
        name="index_well",
        meaning="Well or number of the sorted cell.",
        required=True,
        filled=True,
        aliases=("cell", "sorted cell"),
    ),
    Column(
        name="compartment",
        meaning="Compartment by the recorded intensities.",
        required=True,
        filled=True,
        aliases=_aliases("index", "compartment"),
    ),
)

KINDS: Final[tuple[Kind, ...]] = (
    Kind(
        name="patients",
        record=Patient,
        meaning="One patient.",
        columns=_changed(_of_record("patients", Patient), fab={"accepts": "choice", "choices": _FAB_CLASSES}),
        key=("patient_id",),
    ),
    Kind(
        name="events",
        record=Event,
        meaning="Something that happened to a patient on a day.",
        columns=_of_record("events", Event),
        key=("patient_id", "kind", "on"),
    ),
    Kind(
        name="therapies",
        record=Therapy,
        meaning="A treatment of a patient over an interval of days.",
        columns=_of_record("therapies", Therapy),
        key=("patient_id", "kind", "start_on", "agent"),
    ),
    Kind(
        name="variants",
        record=Variant,
        meaning="A mutation or isoform of a patient's leukaemia that an assay may not see as others do.",
        columns=_of_record("variants", Variant),
        key=("patient_id", "target", "variant"),
    ),
    Kind(
        name="samples",
        record=Sample,
        meaning="A specimen of a patient or a healthy donor.",
        columns=_of_record("samples", Sample),
        key=("sample_id",),
    ),
    Kind(
        name="cdna",
        record=Cdna,
        meaning="A reverse transcription of a sample's RNA.",
        columns=_of_record("cdna", Cdna),
        key=("cdna_id",),
    ),
    Kind(
        name="fractions",
        record=Fraction,
        meaning="A sorted compartment of a sample.",
        columns=_of_record("fractions", Fraction),
        key=("fraction_id",),
    ),
    Kind(
        name="runs",
        record=Run,
        meaning="A run of an instrument: what its own file does not say.",
        columns=_of_record("runs", Run, without=("source_sha256",)),
        key=("run_id",),
    ),
    Kind(
        name="reported values",
        record=ReportedValue,
        meaning="A result typed in from a report.",
        columns=_REPORTED_COLUMNS,
        key=("sample_id", "target", "control", "fraction"),
    ),
    Kind(
        name="cq table",
        record=Well,
        meaning="A well with its quantification cycle.",
        columns=_CQ_COLUMNS,
        key=("run_id", "well", "target"),
    ),
    Kind(
        name="igtr wells",
        record=IgTrWell,
        meaning="A well of an allele-specific PCR of a patient's IG/TR rearrangement.",
        columns=_IGTR_COLUMNS,
        key=("run_id", "well"),
    ),
    Kind(
        name="plate layout",
        record=PlateWell,
        meaning="What a well of a digital PCR holds in one channel, where the instrument's file does not say.",
        columns=_changed(_of_record("layout", PlateWell), position={"accepts": "well"}),
        key=("run_id", "position", "channel", "target"),
    ),
    Kind(
        name="fish scores",
        record=FishCount,
        meaning="Nuclei of one signal pattern on one slide.",
        columns=_SCORE_COLUMNS,
        key=("fraction_id", "probe", "reader", "pattern"),
    ),
    Kind(
        name="sort purity",
        record=SortPurity,
        meaning="What a re-analysis found in a sorted fraction.",
        columns=_of_record("sort", SortPurity),
        key=("fraction_id", "compartment"),
    ),
    Kind(
        name="index sort",
        record=SortPurity,
        meaning="A single sorted cell.",
        columns=_INDEX_COLUMNS,
        key=("fraction_id", "index_well"),
    ),
    Kind(
        name="fraction markers",
        record=FractionMarker,
        meaning="Another marker measured in a sorted fraction.",
        columns=_of_record("fraction", FractionMarker),
        key=("fraction_id", "marker"),
    ),
    Kind(
        name="antigen counts",
        record=AntigenCount,
        meaning="Leukaemic cells of one intensity class of an antigen.",
        columns=_of_record("antigen", AntigenCount),
        key=("sample_id", "clone", "antigen", "intensity"),
    ),
    Kind(
        name="repertoires",
        record=Repertoire,
        meaning="A sequenced sample: what the sequencing file does not say.",
        columns=_of_record("repertoires", Repertoire, without=("copies_per_read", "label", "producer")),
        key=("repertoire_id",),
    ),
    Kind(
        name="panels",
        record=PanelEntry,
        meaning="A channel of a cytometry panel and the antigen it measures.",
        columns=_of_record("panels", PanelEntry),
        key=("panel", "channel", "instrument", "valid_from"),
    ),
    Kind(
        name="tubes",
        record=TubeUse,
        meaning="A cytometry file and what it was acquired for.",
        columns=_of_record("tubes", TubeUse),
        key=("file", "data_set"),
    ),
)


def kind_of(name: KindName) -> Kind:
    """Kind of table by name.

    Parameters
    ----------
    name : KindName
        For example ``"samples"``.

    Returns
    -------
    Kind
        Its columns.
    """
    return next(kind for kind in KINDS if kind.name == name)


@functools.cache
def _names(kind: str) -> dict[str, str]:
    """Folded spelling to column name."""
    found = next(one for one in KINDS if one.name == kind)
    return {fold(name): column.name for column in found.columns for name in (column.name, *column.aliases)}


def recognised(header: tuple[str, ...]) -> int:
    """Number of names in a header that the best fitting kind knows.

    Parameters
    ----------
    header : tuple of str
        Column names as written.

    Returns
    -------
    int
        0 if no kind knows any.

    Examples
    --------
    >>> recognised(("patient_id", "Dиагноз", "shoe size"))
    1
    """
    folded = {fold(name) for name in header}
    return max(len({_names(kind.name)[name] for name in folded & _names(kind.name).keys()}) for kind in KINDS)


def _match(kind: Kind, folded: list[str]) -> Match:
    places: dict[str, list[int]] = {}
    unknown = []
    names = _names(kind.name)
    for position, name in enumerate(folded):
        if name in names:
            places.setdefault(names[name], []).append(position)
        else:
            unknown.append(position)
    return Match(
        kind=kind,
        places={name: found[0] for name, found in places.items()},
        unknown=tuple(unknown),
        twice=tuple((name, tuple(found)) for name, found in places.items() if len(found) > 1),
    )


def _is_plausible(match: Match) -> bool:
    """Whether a header says more than codes: a run_id or cdna_id among strangers is another format."""
    codes_only = all(column.name.endswith("_id") for column in match.kind.columns if column.required)
    return not codes_only or len(match.places) >= len(match.unknown)


def identify(header: tuple[str, ...]) -> tuple[Match | None, list[tuple[Kind, list[str]]]]:
    """Kind of table that a header announces.

    Parameters
    ----------
    header : tuple of str
        Column names as written.

    Returns
    -------
    match : Match or None
        The kind with all its required columns and the most columns known; None if there is none.
    nearest : list of (Kind, list of str)
        If none: the kinds with most of their required columns, with those that are missing.

    Examples
    --------
    >>> match, _ = identify(("Sample", "Target", "Cт"))
    >>> match.kind.name
    'cq table'
    >>> _, nearest = identify(("sample_id", "patient_id", "material"))
    >>> nearest[0][0].name, nearest[0][1]
    ('samples', ['drawn_on'])
    """
    folded = [fold(name) for name in header]
    matches = [_match(kind, folded) for kind in KINDS]
    missing = [
        [column.name for column in match.kind.columns if column.required and column.name not in match.places]
        for match in matches
    ]
    full = [m for m, lacks in zip(matches, missing, strict=True) if not lacks and _is_plausible(m)]
    if full:
        return max(full, key=lambda match: len(match.places)), []
    order = sorted(
        range(len(KINDS)),
        key=lambda i: (len(missing[i]) - len(matches[i].places), len(missing[i])),
    )
    return None, [(KINDS[i], missing[i]) for i in order if matches[i].places and missing[i]][:3]
