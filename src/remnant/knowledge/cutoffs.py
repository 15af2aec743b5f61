"""Cut-off rows of background markers: which rule holds for which measurement.

A row fits by marker, material, sorted fraction, control gene and time. At most one row *decides* the
state of a measurement; others may be *shown* beside it; the rest stay available until a study activates
them. Days count from transplantation: day 0 and before is pre-transplant.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from remnant.errors import KnowledgeError
from remnant.knowledge import tables
from remnant.units import UNITS

__all__ = ["Cutoff", "activate", "active_cutoffs", "cutoffs", "read_cutoffs"]

Use = Literal["any", "diagnosis", "pre-transplant", "post-transplant"]
Role = Literal["decides", "shown", "available"]

_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "kind": ("fixed", "donors"),
    "material": ("BM", "PB", ""),
    "use": ("any", "diagnosis", "pre-transplant", "post-transplant"),
    "role": ("decides", "shown", "available"),
    "status": tables.STATUSES,
}
_NEEDED: Final = (
    "id",
    "label",
    "rule_set",
    "marker",
    "kind",
    "material",
    "inclusive",
    "use",
    "role",
    "source",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoff:
    """One cut-off rule.

    Attributes
    ----------
    id, label, rule_set : str
        Key, the words for it in a sentence, and the publication or laboratory it belongs to.
    marker, material, fraction, control : str
        What it judges; an empty control fits any control gene, an empty fraction unsorted cells.
    kind : {"fixed", "donors"}
        A number, or the laboratory's donors' percentile.
    threshold : float or None
        The number, in `unit`; None for donors.
    unit : str
        Unit of the threshold; empty for donors, whose baseline has its own.
    inclusive : bool
        Whether the threshold itself counts as above.
    use : {"any", "diagnosis", "pre-transplant", "post-transplant"}
        Time for which it was made.
    from_day, to_day : float
        Days from transplantation, both inclusive; infinite where open.
    role : {"decides", "shown", "available"}
        Whether it makes the state.
    source, status, note : str
        Citation, ``"verified"`` or ``"unverified"``, caveat.
    version : str
        Version of the table.
    """

    id: str
    label: str
    rule_set: str
    marker: str
    kind: Literal["fixed", "donors"]
    material: str
    inclusive: bool
    use: Use
    role: Role
    source: str
    status: str
    version: str
    fraction: str = ""
    control: str = ""
    threshold: float | None = None
    unit: str = ""
    from_day: float = -math.inf
    to_day: float = math.inf
    note: str = ""


def cutoffs() -> tuple[Cutoff, ...]:
    """All rows that ship with remnant.

    Returns
    -------
    tuple of Cutoff
        In the order of the table.

    Examples
    --------
    >>> [row.id for row in cutoffs() if row.role == "decides"]
    ['eln_bm_250', 'eln_pb_50', 'baalc_donors_bm', 'baalc_donors_pb']
    """
    return _shipped()


@functools.cache
def _shipped() -> tuple[Cutoff, ...]:
    return read_cutoffs(
        tables.rows("cutoffs"), version=tables.version("cutoffs"), where="knowledge/cutoffs.toml"
    )


def active_cutoffs() -> tuple[Cutoff, ...]:
    """Rows that decide or are shown unless a study says otherwise.

    Returns
    -------
    tuple of Cutoff
        In the order of the table.
    """
    return tuple(row for row in cutoffs() if row.role != "available")


def activate(
    rows: Iterable[Cutoff], *, deciding: Collection[str], shown: Collection[str] = ()
) -> tuple[Cutoff, ...]:
    """A study's own choice of rules.

    Parameters
    ----------
    rows : iterable of Cutoff
        Rows to choose from, usually `cutoffs`.
    deciding, shown : collection of str
        Ids of the rows that make the state, and of those judged beside them.

    Returns
    -------
    tuple of Cutoff
        The chosen rows with their new role.

    Raises
    ------
    KnowledgeError
        If an id is unknown or stands in both lists, or the chosen rows contradict one another.

    Examples
    --------
    >>> [row.id for row in activate(cutoffs(), deciding=["pozzi_bm_100"], shown=["eln_bm_250"])]
    ['eln_bm_250', 'pozzi_bm_100']
    """
    known = list(rows)
    ids = {row.id for row in known}
    problems = [f"{name}: no such row" for name in sorted({*deciding, *shown} - ids)]
    problems += [f"{name}: decides and is shown" for name in sorted({*deciding} & {*shown})]
    roles: dict[str, Role] = {**dict.fromkeys(shown, "shown"), **dict.fromkeys(deciding, "decides")}
    chosen = tuple(dataclasses.replace(row, role=roles[row.id]) for row in known if row.id in roles)
    _refuse([*problems, *_contradictions(chosen)], "the study's choice of rules")
    return chosen


def read_cutoffs(rows: Iterable[Mapping[str, Any]], *, version: str, where: str) -> tuple[Cutoff, ...]:
    """Rules from a table, checked as a whole.

    Parameters
    ----------
    rows : iterable of mapping
        Rows as written in ``cutoffs.toml``; a laboratory's own rows have the same fields.
    version : str
        Version printed beside every verdict.
    where : str
        File or setting, for the message.

    Returns
    -------
    tuple of Cutoff
        One a row.

    Raises
    ------
    KnowledgeError
        With every problem: a missing field or unit, an unknown word, a threshold that is not positive,
        an empty time window, or two active rows that overlap.
    """
    written = [dict(row) for row in rows]
    problems = [text for row in written for text in _row_problems(row)]
    _refuse(problems, where)
    read = tuple(Cutoff(**row, version=version) for row in written)
    _refuse(_contradictions(read), where)
    return read


def _refuse(problems: list[str], where: str) -> None:
    if problems:
        raise KnowledgeError(
            where=where,
            found=f"{len(problems)} problems",
            needed="complete cut-off rows of which no two active ones overlap",
            advice="Mend the rows below.",
            problems=problems,
        )


def _row_problems(row: Mapping[str, Any]) -> list[str]:
    name = row.get("id", "row without id")
    problems = [f"{name}: no {key}" for key in _NEEDED if key not in row]
    fields = {field.name for field in dataclasses.fields(Cutoff)} - {"version"}
    problems += [f"{name}: unknown field {key}" for key in row if key not in fields]
    problems += [
        f"{name}: {key} {row[key]!r}, need one of {', '.join(map(repr, allowed))}"
        for key, allowed in _CHOICES.items()
        if key in row and row[key] not in allowed
    ]
    fixed = row.get("kind") == "fixed"
    if fixed and row.get("unit") not in UNITS:
        problems.append(f"{name}: unit {row.get('unit')!r}, need one of {', '.join(UNITS)}")
    if fixed and not row.get("threshold", 0) > 0:
        problems.append(f"{name}: threshold {row.get('threshold')!r}, need a positive number")
    if not fixed and ("threshold" in row or "unit" in row):
        problems.append(f"{name}: a donors' rule takes its threshold and unit from the donors")
    if row.get("role") != "available" and row.get("material") == "":
        problems.append(f"{name}: no material, so it can only be available")
    if row.get("from_day", -math.inf) > row.get("to_day", math.inf):
        problems.append(f"{name}: from_day {row['from_day']} is after to_day {row['to_day']}")
    return problems


def _window(row: Cutoff) -> tuple[float, float]:
    low = max(row.from_day, 1.0) if row.use == "post-transplant" else row.from_day
    high = min(row.to_day, 0.0) if row.use in {"pre-transplant", "diagnosis"} else row.to_day
    return low, high


def _overlap(one: Cutoff, other: Cutoff) -> bool:
    if (one.marker, one.material, one.fraction) != (other.marker, other.material, other.fraction):
        return False
    if one.control and other.control and one.control != other.control:
        return False
    (low, high), (other_low, other_high) = _window(one), _window(other)
    return max(low, other_low) <= min(high, other_high)


def _contradictions(rows: Iterable[Cutoff]) -> list[str]:
    active = [row for row in rows if row.role != "available"]
    problems = []
    for one, other in itertools.combinations(active, 2):
        if not _overlap(one, other):
            continue
        if one.rule_set == other.rule_set:
            problems.append(f"{one.id} and {other.id}: both active in rule set {one.rule_set} and overlap")
        elif one.role == other.role == "decides":
            problems.append(f"{one.id} and {other.id}: both decide the same measurements")
    return problems
