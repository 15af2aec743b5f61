"""One sample has one patient, one day and one material, whichever tables speak of it.

A table of reported values may name patient, day and material of its samples; a sample table names them
too. The two classes have other keys, so that `remnant.study.compare` does not see them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from remnant.records.measurement import ReportedValue
from remnant.records.sample import Sample
from remnant.study.compare import Difference, Statement
from remnant.study.fact_tables import FactKind, fact_kind
from remnant.study.facts import statements_about

__all__ = ["sample_contradictions"]

_CLAIMS: Final = ("patient_id", "drawn_on", "material")
_SAMPLE: Final = fact_kind(Sample)
_KINDS: Final = (_SAMPLE, fact_kind(ReportedValue))


def sample_contradictions(
    connection: sa.Connection,
    name: str,
    rows: Mapping[str, Sequence[tuple[Any, ...]]],
    *,
    without: int | None,
) -> tuple[Difference, ...]:
    """Samples of which sample tables and reported values say different things.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Inside a transaction.
    name : str
        Name of the new file.
    rows : mapping of str to sequence of tuple
        Its rows by table.
    without : int or None
        Import that is being superseded.

    Returns
    -------
    tuple of Difference
        Each once; disagreements between two sample tables are left to `remnant.study.compare`.
    """
    own = [(kind, Statement(file=name, row=row)) for kind in _KINDS for row in rows.get(kind.table.name, ())]
    samples = {statement.row[kind.names.index("sample_id")] for kind, statement in own}
    stored = [
        (kind, statement)
        for kind in _KINDS
        for statement in statements_about(connection, kind, samples, without=without)
    ]
    first: dict[tuple[str, str], tuple[FactKind, str, Any]] = {}
    found: dict[Difference, None] = {}
    for kind, statement in (*stored, *own):
        for sample, field, value in _claims(kind, statement.row):
            by, file, said = first.setdefault((sample, field), (kind, statement.file, value))
            if said != value and (by, kind) != (_SAMPLE, _SAMPLE):
                difference = Difference(
                    record="sample",
                    key=sample,
                    field=field,
                    stored=str(said),
                    offered=str(value),
                    stored_in=file,
                )
                found[difference] = None
    return tuple(found)


def _claims(kind: FactKind, row: tuple[Any, ...]) -> Iterator[tuple[str, str, Any]]:
    sample = row[kind.names.index("sample_id")]
    for field in _CLAIMS:
        value = row[kind.names.index(field)]
        if value is not None:
            yield sample, field, value
