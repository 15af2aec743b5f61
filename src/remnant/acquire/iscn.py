"""ISCN strings of interphase FISH: parsed, checked, written back unchanged.

``nuc ish(ABL1,BCR)x3(ABL1 con BCRx2)[100/200]`` says that 100 of 200 nuclei had three signals of each
locus, two of them juxtaposed. A count that several loci share stands after the bracket; ``/`` parts
clones; square brackets hold nuclei, or nuclei of scored. ``X`` and the multiplication sign count as ``x``,
spaces are free, bands before a bracket are kept. What was written is kept too, so that it is written back
letter by letter; `canonical` gives the one spelling of this module.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from remnant.errors import InputError

__all__ = ["Clone", "Interphase", "Locus", "Signals", "canonical", "parse_iscn", "pattern_of", "write_iscn"]

_HEAD: Final = re.compile(r"\s*nuc\s+ish\s*", re.IGNORECASE)
_COUNT: Final = r"(?:amp|[0-9]+(?:~[0-9]+)?)"
_NUCLEI: Final = re.compile(r"\s*\[\s*([0-9]+)\s*(?:/\s*([0-9]+)\s*)?\]\s*")
_BANDS: Final = re.compile(
    r"\s*,?\s*((?:[0-9]{1,2}|X|Y)[pq][0-9.]+(?:\s*,\s*(?:[0-9]{1,2}|X|Y)[pq][0-9.]+)*)\s*(?=\()"
)
_GROUP: Final = re.compile(rf"\s*\(([^()]*)\)\s*(?:[xX×]\s*({_COUNT}))?")
_NAME: Final = r"[A-Za-z0-9'][A-Za-z0-9'.\-]*?"
_ITEM: Final = re.compile(
    rf"\s*({_NAME})\s*(?:\s(con|sep)\s+({_NAME})\s*)?(?:[xX×]\s*({_COUNT})|\s(amp|dim))?\s*"
)
_ADVICE: Final = "Write it as in nuc ish(ABL1,BCR)x3(ABL1 con BCRx2)[100/200]."


@dataclass(frozen=True, slots=True, kw_only=True)
class Locus:
    """One locus, or two that stand together or apart, with its signals.

    Attributes
    ----------
    name : str
        Locus or probe.
    relation : {"", "con", "sep"}
        Juxtaposed with, or separated from, the partner.
    partner : str
        The other locus of a relation.
    count : str
        Signals: a number, a range ``"2~3"`` or ``"amp"``; empty where the group has one count for all.
    modifier : {"", "amp", "dim"}
        A remark in place of a count.
    """

    name: str
    relation: str = ""
    partner: str = ""
    count: str = ""
    modifier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """One bracket of loci.

    Attributes
    ----------
    loci : tuple of Locus
        What stands in it.
    count : str
        Count that all share; empty if each has its own.
    bands : str
        Bands before the bracket, as written without spaces.
    """

    loci: tuple[Locus, ...]
    count: str = ""
    bands: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """Nuclei of one kind.

    Attributes
    ----------
    signals : tuple of Signals
        Their brackets.
    nuclei : int or None
        Nuclei of this kind; None if the string does not say.
    scored : int or None
        Nuclei scored, where written with a stroke.
    """

    signals: tuple[Signals, ...]
    nuclei: int | None = None
    scored: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interphase:
    """One ISCN string.

    Attributes
    ----------
    clones : tuple of Clone
        In order.
    as_written : str
        The string itself; it does not take part in comparisons.
    """

    clones: tuple[Clone, ...]
    as_written: str = field(default="", compare=False)

    @property
    def scored(self) -> int | None:
        """Nuclei scored in all.

        Returns
        -------
        int or None
            From a stroke, or the sum of the clones; None if nothing says.
        """
        written = {clone.scored for clone in self.clones if clone.scored is not None}
        if written:
            return written.pop()
        nuclei = [clone.nuclei for clone in self.clones]
        return None if None in nuclei else sum(n for n in nuclei if n is not None)


def parse_iscn(text: str) -> Interphase:
    """Read a string.

    Parameters
    ----------
    text : str
        ISCN interphase nomenclature.

    Returns
    -------
    Interphase
        Its parts.

    Raises
    ------
    InputError
        With the place at which it stops making sense, or with every count that cannot be.

    References
    ----------
    .. [1] ISCN 2020, chapter 14: in situ hybridisation.

    Examples
    --------
    >>> found = parse_iscn("nuc ish(ABL1,BCR)x3(ABL1 con BCRx2)[100/200]")
    >>> found.scored, pattern_of(found.clones[0])
    (200, '1R1G2F')
    """
    head = _HEAD.match(text)
    if head is None:
        raise _refused(text, 0, "nuc ish")
    place, clones = head.end(), list[Clone]()
    while True:
        clone, place = _clone(text, place)
        clones.append(clone)
        stroke = re.compile(r"\s*(/|,(?=\s*\())\s*").match(text, place)
        if stroke is None:
            break
        place = stroke.end()
    if text[place:].strip():
        raise _refused(text, place, "/ before another clone, or the end")
    found = Interphase(clones=tuple(clones), as_written=text)
    problems = _problems(found)
    if problems:
        raise InputError(
            where=f"ISCN {text!r}",
            found=problems[0],
            needed="counts that agree",
            advice=_ADVICE,
            problems=problems[1:],
        )
    return found


def _refused(text: str, place: int, needed: str) -> InputError:
    rest = text[place : place + 20]
    return InputError(
        where=f"ISCN {text!r}, character {place + 1}",
        found=repr(rest) if rest else "the end",
        needed=needed,
        advice=_ADVICE,
    )


def _clone(text: str, place: int) -> tuple[Clone, int]:
    groups: list[Signals] = []
    while True:
        bands = _BANDS.match(text, place)
        start = bands.end() if bands else place
        group = _GROUP.match(text, start)
        if group is None:
            if not groups or bands:
                raise _refused(text, start, "a bracket with loci")
            break
        written = re.sub(r"\s", "", bands[1]) if bands else ""
        loci = _loci(text, group[1], group.start(1))
        groups.append(Signals(loci=loci, count=group[2] or "", bands=written))
        place = group.end()
    nuclei = _NUCLEI.match(text, place)
    if nuclei is None:
        return Clone(signals=tuple(groups)), place
    scored = int(nuclei[2]) if nuclei[2] else None
    return Clone(signals=tuple(groups), nuclei=int(nuclei[1]), scored=scored), nuclei.end()


def _loci(text: str, inside: str, start: int) -> tuple[Locus, ...]:
    loci = []
    place = start
    for part in inside.split(","):
        item = _ITEM.fullmatch(part)
        if item is None:
            raise _refused(text, place, "a locus with its count")
        loci.append(
            Locus(
                name=item[1],
                relation=item[2] or "",
                partner=item[3] or "",
                count=item[4] or "",
                modifier=item[5] or "",
            )
        )
        place += len(part) + 1
    return tuple(loci)


def _problems(found: Interphase) -> list[str]:
    problems = []
    scored = {clone.scored for clone in found.clones if clone.scored is not None}
    total = sum(clone.nuclei or 0 for clone in found.clones)
    if len(scored) > 1:
        problems.append(f"several numbers of scored nuclei: {sorted(scored)}")
    elif scored and total > max(scored):
        problems.append(f"{total} nuclei of {max(scored)} scored")
    for number, clone in enumerate(found.clones, start=1):
        problems += [f"clone {number}: {text}" for text in _clone_problems(clone)]
    return problems


def _clone_problems(clone: Clone) -> list[str]:
    problems = []
    if 0 in {clone.nuclei, clone.scored}:
        problems.append("no nuclei")
    for group in clone.signals:
        for locus in group.loci:
            if not (locus.count or locus.modifier or group.count):
                problems.append(f"{locus.name} has no count")
            if locus.count and group.count:
                problems.append(f"{locus.name} has two counts")
    counts = _counts(clone)
    for (name, partner), together in _joined(clone).items():
        most = min(counts.get(name, together), counts.get(partner, together))
        if together > most:
            problems.append(f"{name} con {partner} {together} times with {most} signals")
    return problems


def _counts(clone: Clone) -> dict[str, int]:
    """Signals of single loci that have one number."""
    return {
        locus.name: int(text)
        for group in clone.signals
        for locus in group.loci
        for text in [locus.count or group.count]
        if not locus.relation and text.isdigit()
    }


def _joined(clone: Clone) -> dict[tuple[str, str], int]:
    return {
        (locus.name, locus.partner): int(text)
        for group in clone.signals
        for locus in group.loci
        for text in [locus.count or group.count]
        if locus.relation == "con" and text.isdigit()
    }


def canonical(found: Interphase) -> str:
    """The one spelling: ``x``, no spaces but around ``con`` and ``sep``.

    Parameters
    ----------
    found : Interphase
        What was read or made.

    Returns
    -------
    str
        ISCN string.

    Examples
    --------
    >>> canonical(parse_iscn("NUC ISH (ABL1, BCR) X 3 (ABL1 con BCR × 2) [200]"))
    'nuc ish(ABL1,BCR)x3(ABL1 con BCRx2)[200]'
    """
    text = "nuc ish " if found.clones[0].signals[0].bands else "nuc ish"
    return text + "/".join(_written(clone) for clone in found.clones)


def _written(clone: Clone) -> str:
    groups = ""
    for number, group in enumerate(clone.signals):
        bands = f"{',' if number and group.bands else ''}{group.bands}"
        loci = ",".join(_locus(locus) for locus in group.loci)
        groups += f"{bands}({loci})" + (f"x{group.count}" if group.count else "")
    if clone.nuclei is None:
        return groups
    return groups + (f"[{clone.nuclei}]" if clone.scored is None else f"[{clone.nuclei}/{clone.scored}]")


def _locus(locus: Locus) -> str:
    both = f"{locus.name} {locus.relation} {locus.partner}" if locus.relation else locus.name
    return (
        both + (f"x{locus.count}" if locus.count else "") + (f" {locus.modifier}" if locus.modifier else "")
    )


def write_iscn(found: Interphase) -> str:
    """Write a string back: letter by letter as it was read, canonical if it was made.

    Parameters
    ----------
    found : Interphase
        What `parse_iscn` gave, or a record made by hand.

    Returns
    -------
    str
        ISCN string.
    """
    return found.as_written or canonical(found)


def pattern_of(clone: Clone, *, red: str = "ABL1", green: str = "BCR") -> str | None:
    """Signal pattern of a dual-fusion probe.

    Parameters
    ----------
    clone : Clone
        Nuclei of one kind.
    red, green : str
        Loci of the two colours.

    Returns
    -------
    str or None
        For example ``"1R1G2F"``; None if a count is missing or a range.
    """
    counts, joined = _counts(clone), _joined(clone)
    if red not in counts or green not in counts:
        return None
    together = joined.get((red, green), joined.get((green, red), 0))
    single = f"{counts[red] - together}R{counts[green] - together}G"
    return single + (f"{together}F" if together else "")
