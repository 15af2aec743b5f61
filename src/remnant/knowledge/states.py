"""Rules of the states of a background marker: raised, confirmed, persistent, regressing.

Days are days between samples of one series. The order of the states themselves (which follows which) is
the transition table of `remnant.course.states`; the numbers in it are here.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from remnant.knowledge import tables

__all__ = ["StateRules", "state_rules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRules:
    """Rows of ``states.toml`` as the course uses them.

    Attributes
    ----------
    z_at_least : mapping of str to float or None
        Markers that have these states, and the distance from the own background that being raised needs.
    confirm_from_days, confirm_to_days : int
        Window of the confirming sample.
    confirms_after_window : bool
        Whether a raised next sample after the window still confirms.
    persistent_samples, persistent_days : int
        Raised samples, and days they must span, of a persistently raised series.
    persistent_gap_days : int
        Longest gap between two samples over which persistence is counted.
    probability_fall : float
        P(lower than the sample before) that makes a raised series regress.
    borderline : tuple of (float, float)
        A probability between these is undecided.
    synchrony_from_days, synchrony_to_days : int
        Window in which a joint rise is confirmed.
    urgency : mapping of str to int
        Urgency of a patient by the worst state.
    next_sample_days : mapping of str to int
        Days from the last sample to the next one, by state; absent where the schedule holds.
    stale_days, stale_urgency : int
        A series whose last sample is older than this against a later evaluable one of the same marker does
        not decide; urgency at least, if it was the more worrying.
    repeat_urgency : int
        Urgency at least, if the last sample of a marker is not evaluable or borderline.
    within_background_urgency : int
        Urgency at least, if a marker is above its cut-off but not far enough from its own background.
    version : str
        Version of the table.
    """

    z_at_least: Mapping[str, float | None]
    confirm_from_days: int
    confirm_to_days: int
    confirms_after_window: bool
    persistent_samples: int
    persistent_days: int
    persistent_gap_days: int
    probability_fall: float
    borderline: tuple[float, float]
    synchrony_from_days: int
    synchrony_to_days: int
    urgency: Mapping[str, int]
    next_sample_days: Mapping[str, int]
    stale_days: int
    stale_urgency: int
    repeat_urgency: int
    within_background_urgency: int
    version: str


@functools.cache
def state_rules() -> StateRules:
    """State rules that ship with remnant.

    Returns
    -------
    StateRules
        A study changes them with `dataclasses.replace`.

    Examples
    --------
    >>> rules = state_rules()
    >>> rules.confirm_from_days, rules.confirm_to_days, dict(rules.z_at_least)
    (14, 35, {'WT1': None, 'BAALC': 2.0})
    """
    rows = {row["id"]: row for row in tables.rows("states")}
    states = [row for row in rows.values() if "state" in row]
    confirmation, persistence, synchrony = rows["confirmation"], rows["persistence"], rows["synchrony"]
    return StateRules(
        z_at_least=MappingProxyType(
            {row["marker"]: row.get("z_at_least") for name, row in rows.items() if name.startswith("raised_")}
        ),
        confirm_from_days=confirmation["from_days"],
        confirm_to_days=confirmation["to_days"],
        confirms_after_window=confirmation["confirms_after_window"],
        persistent_samples=persistence["raised_samples"],
        persistent_days=persistence["over_days"],
        persistent_gap_days=rows["persistence_gap"]["at_most_days"],
        probability_fall=rows["regression"]["probability_fall"],
        borderline=(rows["borderline"]["low"], rows["borderline"]["high"]),
        synchrony_from_days=synchrony["from_days"],
        synchrony_to_days=synchrony["to_days"],
        urgency=MappingProxyType({row["state"]: row["urgency"] for row in states}),
        next_sample_days=MappingProxyType(
            {row["state"]: row["next_sample_days"] for row in states if "next_sample_days" in row}
        ),
        stale_days=rows["stale_series"]["older_by_days"],
        stale_urgency=rows["stale_series"]["urgency"],
        repeat_urgency=rows["repeat"]["urgency"],
        within_background_urgency=rows["within_background"]["urgency"],
        version=tables.version("states"),
    )
