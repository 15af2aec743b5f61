"""Cq of IG/TR wells from the instrument's own file of the run, where the table of wells leaves them empty.

The table says what stands in each place (patient, rearrangement, dilution, DNA); the instrument's file holds the Cq. A
place is joined by run, position and target, and the target must bear the name of the rearrangement: a plate carries
assays of several patients, and a Cq of the wrong one is worse than none. A Cq in the table wins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from remnant.records.finding import Finding
from remnant.records.igtr import IgTrWell
from remnant.records.run import Well

__all__ = ["InstrumentCqs", "is_of", "with_instrument_cqs"]

_Place = tuple[str, str]  # run and position
_Assay = tuple[str, str, str]  # run, patient and rearrangement


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentCqs:
    """IG/TR wells with the Cq of the instrument.

    Attributes
    ----------
    wells : tuple of IgTrWell
        In the order given, without the plates that cannot be joined.
    taken : frozenset of (str, str, str)
        Run, position and target of the instrument's wells that were used.
    findings : tuple of Finding
        What was taken, and what could not be.
    """

    wells: tuple[IgTrWell, ...]
    taken: frozenset[tuple[str, str, str]]
    findings: tuple[Finding, ...]


def is_of(target: str, rearrangement: str) -> bool:
    """Whether a target of an instrument bears the name of a rearrangement.

    Parameters
    ----------
    target, rearrangement : str
        As written; letter case, spaces and signs do not count.

    Returns
    -------
    bool
        True for the same letters and digits.

    Examples
    --------
    >>> is_of("igh_VH3-23 JH4", "IGH VH3-23/JH4"), is_of("ALB", "IGH VH3-23/JH4")
    (True, False)
    """
    return _plain(target) == _plain(rearrangement)


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def with_instrument_cqs(wells: Iterable[IgTrWell], measured: Iterable[Well]) -> InstrumentCqs:
    """Fill the Cq of IG/TR wells that have none.

    Parameters
    ----------
    wells : iterable of IgTrWell
        Wells of the tables.
    measured : iterable of Well
        Wells of instruments; those of other places are not looked at.

    Returns
    -------
    InstrumentCqs
        Where a place holds targets and none bears the rearrangement's name, its whole plate is refused.
    """
    places: dict[_Place, list[Well]] = defaultdict(list)
    for one in measured:
        places[one.run_id, one.position].append(one)
    plates: dict[_Assay, list[IgTrWell]] = defaultdict(list)
    for well in wells:
        plates[well.run_id, well.patient_id, well.rearrangement].append(well)
    read = [_plate(held, places) for held in plates.values()]
    return InstrumentCqs(
        wells=tuple(well for one in read for well in one.wells),
        taken=frozenset[tuple[str, str, str]]().union(*(one.taken for one in read)),
        findings=tuple(finding for one in read for finding in one.findings),
    )


def _plate(wells: Sequence[IgTrWell], places: dict[_Place, list[Well]]) -> InstrumentCqs:
    """Wells of one run, patient and rearrangement."""
    filled: list[IgTrWell] = []
    taken: set[tuple[str, str, str]] = set()
    silent = 0
    for well in wells:
        there = places.get((well.run_id, well.position), []) if well.detected is None else []
        own = [one for one in there if is_of(one.target, well.rearrangement)]
        if there and not own:
            return InstrumentCqs(wells=(), taken=frozenset(), findings=(_unnamed(well, there),))
        if not own:
            silent += well.detected is None and well.excluded is None
            filled.append(well)
            continue
        one = own[0]
        silent += one.detected is None
        taken.add((one.run_id, one.position, one.target))
        filled.append(replace(well, detected=one.detected, cq=one.cq, excluded=well.excluded or one.excluded))
    findings = []
    if taken:
        findings.append(_said(wells[0], len(taken)))
    if silent:
        findings.append(_without(wells[0], silent))
    return InstrumentCqs(wells=tuple(filled), taken=frozenset(taken), findings=tuple(findings))


def _unnamed(well: IgTrWell, there: Sequence[Well]) -> Finding:
    names = ", ".join(sorted({one.target or "no name" for one in there}))
    return Finding(
        code="igtr.target_unnamed",
        severity="failure",
        subject=f"run {well.run_id}",
        message=f"{well.rearrangement} of patient {well.patient_id} is not read on this run: the instrument's file has {names} in "
        f"well {well.position}, and nothing of that name.",
        found=names,
        needed=well.rearrangement,
        advice="Name the target in the instrument's software as the rearrangement in the table, or write the Cq into the table.",
    )


def _said(well: IgTrWell, n: int) -> Finding:
    return Finding(
        code="igtr.from_instrument",
        severity="note",
        subject=f"run {well.run_id}",
        message=f"{n} wells of {well.rearrangement} of patient {well.patient_id} have their Cq from the instrument's file of the"
        " run, by place and target; the table leaves it empty.",
    )


def _without(well: IgTrWell, n: int) -> Finding:
    return Finding(
        code="igtr.no_cq",
        severity="warning",
        subject=f"run {well.run_id}",
        message=f"{n} wells of {well.rearrangement} of patient {well.patient_id} have no Cq, in the table or in an instrument's"
        " file of the run: they do not count.",
        advice="Import the instrument's file of the run; write 'not detected' where nothing amplified.",
    )
