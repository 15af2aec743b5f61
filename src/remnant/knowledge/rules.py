"""Rule sets: what a consensus calls negative, low level, positive, relapse, and by which numbers.

A rule set is one TOML file: ``knowledge/rules/NAME.toml`` ships with remnant, a laboratory's own stands in the
folder ``rules`` of its study. A set has rows; a row holds for markers, material, sorted fraction, control gene,
time and lesion (empty means any), and says one thing: its definition, its number with the unit, its source. A set
that *decides* makes the states of its markers in its diseases; one that is *shown* is judged beside it; the rest
are *available* until a study names them. A set that is not complete has slots without numbers and is refused.
Background markers (WT1, BAALC) have their own table, `remnant.knowledge.cutoffs`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args

from remnant.errors import KnowledgeError

__all__ = [
    "KINDS",
    "TIMES",
    "Compare",
    "Kind",
    "RuleBook",
    "RuleRow",
    "RuleSet",
    "Time",
    "meet",
    "row_fits",
]

Kind = Literal[
    "positivity",  # what is positive; below it a signal is detected, not positive
    "negativity",  # what a sample must reach to be called negative
    "low_level",  # positive, but below this
    "reappearance",  # negative, then positive
    "rise",  # log10 between any two positives
    "loss",  # above this after having been below
    "confirmation",  # days within which a second sample confirms
    "persistence",  # so many positives over so many days
    "response",  # a class of response
    "cutoff",  # a level with a published prognosis, judged beside the state
    "interpretation",  # a number of an assay's interpretation profile
    "score",  # a number of a rule's own arithmetic
]
KINDS: Final[tuple[str, ...]] = get_args(Kind)

Time = Literal[
    "any",
    "remission",
    "after_2_cycles",
    "end_of_consolidation",
    "pre-transplant",
    "post-transplant",
    "not after transplant",
]
TIMES: Final[tuple[str, ...]] = get_args(Time)

Compare = Literal["at least", "above", "at most", "below"]
Role = Literal["decides", "shown", "available"]
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """One statement of a rule set.

    Attributes
    ----------
    id : str
        Key, unique in its set.
    kind : Kind
        What it says.
    definition : str
        The statement in words.
    source, status : str
        Paper, year, table; ``"verified"`` or ``"unverified"``.
    markers : tuple of str
        Markers it holds for; empty for all of its set.
    material, fraction, control, lesion : str
        What it holds for; empty for any, an empty fraction for unsorted cells.
    time : Time
        When in the course it holds.
    compare : Compare
        How a value is held against the threshold.
    threshold : float or None
        The number; None where the statement needs none, or in a slot.
    unit : str
        Unit of the threshold.
    label : str
        Class, verdict or parameter that the row names.
    reference : {"", "negative", "low level", "any", "rest"}
        Of a rise: what came before it. Of a class of response: what it is for.
    from_days, to_days : float or None
        Window, both inclusive; for persistence `from_days` is the least span.
    count : int or None
        How many samples.
    control_copies : float or None
        Copies of `control` that the class needs.
    after_window : bool
        Of a confirmation: whether a later sample confirms too, late.
    profile : str
        Interpretation profile that the row belongs to.
    slot : bool
        Whether the number is still missing.
    valid_from, valid_to : datetime.date or None
        Since and until when the statement is in force.
    note : str
        Caveat.
    """

    id: str
    kind: Kind
    definition: str
    source: str
    status: str
    markers: tuple[str, ...] = ()
    material: str = ""
    fraction: str = ""
    control: str = ""
    lesion: str = ""
    time: Time = "any"
    compare: Compare = "at least"
    threshold: float | None = None
    unit: str = ""
    label: str = ""
    reference: Literal["", "negative", "low level", "any", "rest"] = ""
    from_days: float | None = None
    to_days: float | None = None
    count: int | None = None
    control_copies: float | None = None
    after_window: bool = True
    profile: str = ""
    slot: bool = False
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    note: str = ""

    def holds(self, value: float) -> bool:
        """Whether a value in the row's unit meets the threshold, literally.

        Parameters
        ----------
        value : float
            Value in `unit`.

        Returns
        -------
        bool
            The comparison as the row writes it; values that differ by rounding only are equal.

        Examples
        --------
        >>> row = RuleRow(id="a", kind="low_level", definition="", source="x", status="verified", compare="below",
        ...               threshold=2.0, unit="percent")
        >>> row.holds(1.99), row.holds(2.0)
        (True, False)
        """
        limit = self.threshold if self.threshold is not None else math.nan
        if math.isclose(value, limit, rel_tol=_ROUNDING):
            return self.compare in {"at least", "at most"}
        return value > limit if self.compare in {"at least", "above"} else value < limit


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """Rules that belong together: one publication, or one laboratory.

    Attributes
    ----------
    id, label, title : str
        Key, the words in a sentence, and the full name.
    version : str
        Printed beside every verdict.
    valid_from : datetime.date
        Day of publication.
    markers, diseases : tuple of str
        What it holds for; a disease fits where its name stands in the patient's diagnosis, and none fits all.
    role : {"decides", "shown", "available"}
        Whether it makes the states.
    source, note : str
        Citation and caveat.
    complete : bool
        False where slots have no numbers yet; such a set is refused.
    remission_only : bool
        Whether its states belong to remission: what came before it is only a level.
    replaces : tuple of str
        Sets that a laboratory's own set takes the place of.
    file : str
        Where it was read, for messages.
    rows : tuple of RuleRow
        Statements.
    """

    id: str
    label: str
    title: str
    version: str
    valid_from: dt.date
    markers: tuple[str, ...]
    diseases: tuple[str, ...]
    role: Role
    source: str
    note: str = ""
    complete: bool = True
    remission_only: bool = True
    replaces: tuple[str, ...] = ()
    file: str = ""
    rows: tuple[RuleRow, ...]

    def fits(self, marker: str, disease: str) -> bool:
        """Whether the set holds for a marker in a disease.

        Parameters
        ----------
        marker : str
            Marker as the assay names it.
        disease : str
            Diagnosis of the patient.

        Returns
        -------
        bool
            True if the marker is named and the disease is, or none is.
        """
        if marker not in self.markers:
            return False
        written = disease.casefold()
        return not self.diseases or any(name.casefold() in written for name in self.diseases)

    def find(self, kind: Kind, **place: str) -> Iterator[RuleRow]:
        """Rows of a kind that hold for a series.

        Parameters
        ----------
        kind : Kind
            Kind of row.
        **place : str
            ``marker``, ``material``, ``fraction``, ``control`` and ``lesion`` of the series.

        Yields
        ------
        RuleRow
            In the order of the file.
        """
        yield from (row for row in self.rows if row.kind == kind and row_fits(row, **place))


def row_fits(
    row: RuleRow, *, marker: str, material: str = "", fraction: str = "", control: str = "", lesion: str = ""
) -> bool:
    """Whether a row holds for a series.

    Parameters
    ----------
    row : RuleRow
        The row.
    marker, material, fraction, control, lesion : str
        The series.

    Returns
    -------
    bool
        True where every field of the row is empty or the same; the fraction must be the same.
    """
    return (
        (not row.markers or marker in row.markers)
        and row.material in {"", material}
        and row.fraction == fraction
        and row.control in {"", control}
        and row.lesion in {"", lesion}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """The rule sets of a study.

    Attributes
    ----------
    sets : tuple of RuleSet
        All sets: those that ship, without the ones that a laboratory's own replace, and its own.
    """

    sets: tuple[RuleSet, ...]

    def named(self, rule_set: str) -> RuleSet:
        """One set.

        Parameters
        ----------
        rule_set : str
            Its id.

        Returns
        -------
        RuleSet
            The set.

        Raises
        ------
        KnowledgeError
            If there is none of this name.
        """
        for one in self.sets:
            if one.id == rule_set:
                return one
        raise KnowledgeError(
            where="rule set",
            found=repr(rule_set),
            needed="one of " + ", ".join(one.id for one in self.sets),
            advice="`remnant rules list` shows them.",
        )

    def deciding(self, marker: str, disease: str) -> RuleSet | None:
        """Set that makes the states of a marker in a disease.

        Parameters
        ----------
        marker, disease : str
            Marker, and diagnosis of the patient.

        Returns
        -------
        RuleSet or None
            None if no deciding set holds; no two do, or the book would have been refused.
        """
        return next((one for one in self.sets if one.role == "decides" and one.fits(marker, disease)), None)

    def shown(self, marker: str, disease: str) -> tuple[RuleSet, ...]:
        """Sets judged beside the deciding one.

        Parameters
        ----------
        marker, disease : str
            Marker, and diagnosis of the patient.

        Returns
        -------
        tuple of RuleSet
            In the order of the book.
        """
        return tuple(one for one in self.sets if one.role == "shown" and one.fits(marker, disease))

    def choose(self, names: Iterable[str]) -> RuleBook:
        """A study's own choice of deciding sets.

        Parameters
        ----------
        names : iterable of str
            Ids of the sets that decide; the other deciding sets of the same markers and diseases are shown.

        Returns
        -------
        RuleBook
            The same sets with their new roles.

        Raises
        ------
        KnowledgeError
            If a name is unknown or its set has slots without numbers.
        """
        chosen = [self.named(name) for name in names]
        slots = [one for one in chosen if not one.complete]
        if slots:
            raise KnowledgeError(
                where=slots[0].file,
                found="slots without numbers",
                needed="a complete rule set",
                advice="Fill the slots from the publication in a set of your own; remnant ships no numbers for it.",
                problems=[f"{row.id}: {row.definition}" for one in slots for row in one.rows if row.slot],
            )
        ids = {one.id for one in chosen}
        return RuleBook(sets=tuple(_with_role(one, ids, chosen) for one in self.sets))


def _with_role(one: RuleSet, ids: set[str], chosen: list[RuleSet]) -> RuleSet:
    if one.id in ids:
        role: Role = "decides"
    elif one.role == "decides" and any(meet(one, other) for other in chosen):
        role = "shown"
    else:
        return one
    fields = {name: getattr(one, name) for name in one.__slots__}
    return RuleSet(**{**fields, "role": role})


def meet(one: RuleSet, other: RuleSet) -> bool:
    """Whether two sets can hold for the same series.

    Parameters
    ----------
    one, other : RuleSet
        Two sets.

    Returns
    -------
    bool
        True if they share a marker and a disease.
    """
    if not set(one.markers) & set(other.markers):
        return False
    return (
        not one.diseases
        or not other.diseases
        or any(
            a.casefold() in b.casefold() or b.casefold() in a.casefold()
            for a in one.diseases
            for b in other.diseases
        )
    )
