"""A patient's phenotype between tube and file: cells as points, the rule as a record, the record as text.

Points are compensated values on each antigen's scale, scatter linear. The text is one JSON object: format and version,
the hash of the rule, the rule; a rule that was changed by hand is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remnant.assay.flow.counting import axis_values
from remnant.assay.flow.laip import TrackedPhenotype
from remnant.assay.flow.panels import antigen_axis
from remnant.errors import FileFormatError, InputError
from remnant.numerics.boosted import Boosted
from remnant.numerics.count_background import CountBackground
from remnant.records.codec import from_dict, to_dict, to_json
from remnant.records.flow import Events
from remnant.records.phenotype import PhenotypeRule, TreeSet

__all__ = ["cell_points", "phenotype_text", "read_phenotype", "shared_antigens", "stored_trees", "tracked"]

Floats = NDArray[np.float64]

_FORMAT: Final = "remnant phenotype"
_VERSION: Final = 1
_FEWEST: Final = 3
_LEFT_OUT: Final = ("-H", "-W")


def shared_antigens(panels: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Antigens, and areas of scatter, that every tube measures.

    Parameters
    ----------
    panels : mapping of str to (mapping of str to str)
        Antigen to channel of each tube, by its name; see `checked_panel`.

    Returns
    -------
    tuple of str
        In the order of the first tube.

    Raises
    ------
    InputError
        If fewer than three are shared, with what each tube has.
    """
    first, *others = panels.values()
    shared = [
        name
        for name in first
        if all(name in one for one in others)
        and not name.upper().startswith("TIME")
        and not name.upper().endswith(_LEFT_OUT)
    ]
    if len(shared) < _FEWEST:
        raise InputError(
            where="phenotype",
            found=f"{len(shared)} antigens in every tube",
            needed=f"at least {_FEWEST}",
            advice="Use tubes that were stained with one panel.",
            problems=[f"{name}: {', '.join(one) or 'none'}" for name, one in panels.items()],
        )
    return tuple(shared)


def cell_points(
    events: Events,
    channels: Mapping[str, str],
    antigens: Sequence[str],
    *,
    where: NDArray[np.bool_] | None = None,
) -> Floats:
    """Cells on the axes of antigens.

    Parameters
    ----------
    events : Events
        Data set.
    channels : mapping of str to str
        Antigen to channel.
    antigens : sequence of str
        Axes wanted.
    where : ndarray of bool, shape (n_events,), or None, default None
        Cells wanted; None for all.

    Returns
    -------
    ndarray of float, shape (n, len(antigens))
        Values on their scales.

    Raises
    ------
    InputError
        With every antigen that the tube lacks.
    """
    missing = [name for name in antigens if name not in channels]
    if missing:
        raise InputError(
            where=f"file {events.tube.file}",
            found=f"no {', '.join(missing)}",
            needed=", ".join(antigens),
            advice="A phenotype is looked for with the antigens that it was learned on: choose the tube of that panel.",
        )
    return axis_values(events, [antigen_axis(channels[name], events.tube) for name in antigens], where=where)


def stored_trees(rule: TrackedPhenotype) -> tuple[TreeSet, ...]:
    """Trees of a rule as numbers.

    Parameters
    ----------
    rule : TrackedPhenotype
        Rule.

    Returns
    -------
    tuple of TreeSet
        One a fold.
    """
    return tuple(
        TreeSet(
            edges=_rows(one.edges), columns=_rows(one.columns), cuts=_rows(one.cuts), values=_rows(one.values)
        )
        for one in rule.models
    )


def _rows(table: NDArray[Any]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(row) for row in table.tolist())


def tracked(rule: PhenotypeRule) -> TrackedPhenotype:
    """The rule that calls cells.

    Parameters
    ----------
    rule : PhenotypeRule
        As stored.

    Returns
    -------
    TrackedPhenotype
        For `called`; its background is that of all control tubes together.
    """
    models = tuple(
        Boosted(
            np.array(one.edges, dtype=float),
            np.array(one.columns, dtype=np.int64),
            np.array(one.cuts, dtype=np.int64),
            np.array(one.values, dtype=float),
        )
        for one in rule.trees
    )
    hits = sum(one.events for one in rule.controls) + 1
    background = CountBackground(hits / (sum(one.denominator for one in rule.controls) + 1.0), 1.0 / hits)
    held_out = tuple((one.events, one.denominator) for one in rule.controls)
    return TrackedPhenotype(models, rule.limit, background, rule.recall, rule.recall_dispersion, held_out)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def phenotype_text(rule: PhenotypeRule) -> str:
    """A rule as text.

    Parameters
    ----------
    rule : PhenotypeRule
        Rule.

    Returns
    -------
    str
        JSON.
    """
    body = to_json(rule)
    head = {"format": _FORMAT, "version": _VERSION, "sha256": _hash(body)}
    return json.dumps(head | {"rule": to_dict(rule)}, ensure_ascii=False, separators=(",", ":")) + "\n"


def read_phenotype(name: str, text: str) -> PhenotypeRule:
    """A rule from its text.

    Parameters
    ----------
    name : str
        File, for messages.
    text : str
        As `phenotype_text` wrote it.

    Returns
    -------
    PhenotypeRule
        The rule.

    Raises
    ------
    FileFormatError
        If it is none, of another version, or was changed.
    """
    try:
        held = json.loads(text)
    except ValueError:
        held = None
    if not isinstance(held, dict) or held.get("format") != _FORMAT or not isinstance(held.get("rule"), dict):
        raise _refused(name, "no phenotype rule", "a file that `remnant phenotype learn` wrote")
    if held.get("version") != _VERSION:
        raise _refused(name, f"version {held.get('version')}", f"version {_VERSION}")
    body = json.dumps(held["rule"], ensure_ascii=False, separators=(",", ":"))
    if _hash(body) != held.get("sha256"):
        raise _refused(name, "a rule that is not the one its hash was made of", "the file as it was written")
    try:
        return from_dict(PhenotypeRule, held["rule"])
    except (InputError, KeyError, TypeError, ValueError) as error:
        raise _refused(name, f"a rule that cannot be read: {error}", "the file as it was written") from error


def _refused(name: str, found: str, needed: str) -> FileFormatError:
    return FileFormatError(
        where=f"file {name}",
        found=found,
        needed=needed,
        advice="Learn the phenotype again from the diagnosis.",
    )
