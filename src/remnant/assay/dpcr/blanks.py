"""What a blank does: the false-positive rate of a target in a run, from its no-template wells.

Negative controls are blanks of a leukaemia-specific target too, and better ones: they hold the wild type that may
cross-amplify. Where the two kinds differ, the kind with more positives gives the rate. The rate has a Beta
posterior from half a positive on; the prior's clean well stands for blanks that are missing, no further.

A blank that the others of its kind cannot explain (contaminated, swapped) is left out and named. What stained it
may have stained a sample, unless so many wells are silent that this is rare. The same holds for no-template wells
that are positive and few, do not agree, or have more than a well of a sample can have of their rate. The law of the
rate then runs from no stain on, and what such a blank would explain is neither positive nor negative.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from remnant.assay.dpcr.rates import (
    Beta,
    BlankRate,
    Counted,
    disagree,
    is_positive,
    shared_rate,
    spread,
    summed,
)
from remnant.assay.dpcr.wells import NamedWell
from remnant.knowledge.dpcr import BlankRule
from remnant.numerics.partitions import limit_of_blank, outlier_p_values
from remnant.records.finding import Finding

__all__ = ["blank_rates"]

_NO_TEMPLATE: Final = "ntc"
_NEGATIVE: Final = "negative_control"
_TELLING: Final = 3
"""Blanks from which one that is unlike the others is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A well that is no no-template well."""

    position: str
    count: Counted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blanks:
    """Counts of one target in a run: its blanks by kind, those left out, and the other wells."""

    key: tuple[str, str]
    kept: Mapping[str, Sequence[Counted]]
    stains: Sequence[Counted]
    others: Sequence[_Held]


def blank_rates(
    wells: Sequence[NamedWell],
    positives: Sequence[int | None],
    rule: BlankRule,
    specific: Collection[str] = (),
) -> tuple[dict[tuple[str, str], BlankRate], set[int], list[Finding]]:
    """Rate of every run and target.

    Parameters
    ----------
    wells : sequence of NamedWell
        All wells.
    positives : sequence of (int or None)
        Their counts.
    rule : BlankRule
        Prior and outlier test.
    specific : collection of str, default ()
        Leukaemia-specific targets: their negative controls are blanks.

    Returns
    -------
    rates : dict of (str, str) to BlankRate
        By run and target.
    outliers : set of int
        Blanks that were left out.
    findings : list of Finding
        Targets without blanks, blanks left out, blanks that are positive, blanks with more than wells of samples.
    """
    blanks: dict[tuple[str, str], dict[str, dict[int, Counted]]] = {}
    others: dict[tuple[str, str], list[_Held]] = defaultdict(list)
    for i, well in enumerate(wells):
        key, part, k = (well.part.run_id, well.target), well.part, positives[i]
        kinds = blanks.setdefault(key, defaultdict(dict))
        if k is None or not part.accepted or part.excluded:
            continue
        if part.kind == _NO_TEMPLATE or (part.kind == _NEGATIVE and well.target in specific):
            kinds[part.kind][i] = (k, part.accepted)
        if part.kind != _NO_TEMPLATE:
            others[key].append(_Held(position=part.position, count=(k, part.accepted)))
    rates, outliers, findings = {}, set[int](), []
    for key, kinds in blanks.items():
        kept: dict[str, list[Counted]] = {}
        stains: dict[int, Counted] = {}
        for kind, counts in kinds.items():
            worst = _outlier(counts, rule)
            if worst is not None:
                stains[worst] = counts[worst]
            kept[kind] = [one for i, one in counts.items() if i != worst]
        plate = _Blanks(key=key, kept=kept, stains=tuple(stains.values()), others=others[key])
        rates[key], more = _rate(plate, rule)
        if not kinds:
            more.append(_no_blank(key))
        outliers |= set(stains)
        findings += [_left_out(wells[i], k, rare=rates[key].clean is None) for i, (k, _) in stains.items()]
        findings += more
    return rates, outliers, findings


def _rate(plate: _Blanks, rule: BlankRule) -> tuple[BlankRate, list[Finding]]:
    """Rate of all blanks together, or of the kind with more positives where the kinds differ."""
    sums = {kind: summed(counts) for kind, counts in plate.kept.items()}
    chosen = list(plate.kept)
    if len(sums) > 1 and disagree(list(sums.values()), rule):
        chosen = [max(sums, key=lambda kind: sums[kind][0] / sums[kind][1])]
    counts = [one for kind in chosen for one in plate.kept[kind]]
    free = plate.kept.get(_NO_TEMPLATE, ()) if _NO_TEMPLATE in chosen else ()
    apart = disagree(counts, rule)
    below = None if apart else _well_below(plate.others, free, rule)
    suspect = below is not None or (is_positive(free) and (apart or len(free) < _TELLING))
    findings = [] if below is None else [_above_samples(plate.key, free, below)]
    for kind, own in plate.kept.items():
        if kind != _NO_TEMPLATE or below is None:
            findings += _positive(plate.key, kind, own)
    if apart:
        findings.append(_blanks_disagree(plate.key, counts))
    shared = shared_rate(counts, rule)
    if suspect:
        clean, seen = shared_rate((), rule), [*counts, *plate.stains, (0, 1)]
    elif plate.stains and not _is_rare(plate, shared, rule):
        clean, seen = shared, [*counts, *plate.stains]
    elif apart:
        return _rate_of(spread(counts, shared), counts, shared=shared), findings
    else:
        return _rate_of(shared, counts), findings
    return _rate_of(spread(seen, shared, shape=1.0), counts, shared=shared, clean=clean), findings


def _rate_of(law: Beta, counts: Sequence[Counted], **more: Beta) -> BlankRate:
    return BlankRate(positives=law[0], negatives=law[1], wells=len(counts), **more)


def _is_rare(plate: _Blanks, clean: Beta, rule: BlankRule) -> bool:
    """Whether so many wells are without a stain that it explains a positive less often than the level allows."""
    k, n = np.array([one.count for one in plate.others] or [(0, 0)]).T
    silent = int(((k <= limit_of_blank(n, *clean, rule.level)) & (n > 0)).sum())
    silent += len(plate.kept.get(_NO_TEMPLATE, ()))
    stained = len(plate.stains)
    return (stained + 0.5) / (stained + silent + 1.0) <= 1.0 - rule.level


def _many(count: int, named: str) -> str:
    return f"{count} {named}{'' if count == 1 else 's'}"


def _outlier(counts: Mapping[int, Counted], rule: BlankRule) -> int | None:
    """The blank with most positives, if the others do not explain it."""
    rows = list(counts)
    if len(rows) < _TELLING:
        return None
    k, n = (np.array(column) for column in zip(*counts.values(), strict=True))
    p_values = outlier_p_values(k, n, 0.0)
    worst = int(np.argmax(k / n))
    return rows[worst] if p_values[worst] < rule.outlier_p_value / len(rows) else None


def _well_below(others: Sequence[_Held], free: Sequence[Counted], rule: BlankRule) -> _Held | None:
    """The well of a sample whose positives are too few for the rate of the no-template wells, if any."""
    if not others or not free:
        return None
    k, n = np.array([one.count for one in others]).T
    p_values = stats.betabinom.cdf(k, n, *shared_rate(free, rule))
    least = int(np.argmin(p_values))
    return others[least] if p_values[least] < rule.outlier_p_value / len(others) else None


def _above_samples(key: tuple[str, str], counts: Sequence[Counted], below: _Held) -> Finding:
    run_id, target = key
    k, n = summed(counts)
    return Finding(
        code="dpcr.blank_above_samples",
        severity="failure",
        subject=f"run {run_id}",
        message=f"{k} of {n} partitions of {_many(len(counts), 'no-template well')} are positive for {target or 'their channel'}, and a "
        f"well of a sample has fewer ({below.count[0]} of {below.count[1]} in {below.position}): this is no false-positive rate that the wells share. "
        "A well that such a blank would explain is neither positive nor negative.",
        advice="If the blank holds a sample, say so in the layout; if not, repeat the plate with clean no-template wells.",
    )


def _blanks_disagree(key: tuple[str, str], counts: Sequence[Counted]) -> Finding:
    run_id, target = key
    said = ", ".join(f"{k} of {n}" for k, n in counts[:10])
    return Finding(
        code="dpcr.blanks_disagree",
        severity="warning",
        subject=f"run {run_id}",
        message=f"The blanks of {target or 'the wells without target'} disagree ({said}), and nobody knows which is wrong: the false-positive rate is taken to vary between wells as they do.",
        advice="Look for a contaminated or swapped blank; with three blanks or more an outlier is left out.",
    )


def _left_out(well: NamedWell, k: int, *, rare: bool) -> Finding:
    consequence = (
        "so many wells are without that a stain is rare"
        if rare
        else "what stained it may have stained a sample, and a well that such a blank would explain is neither positive nor negative"
    )
    return Finding(
        code="dpcr.blank_outlier",
        severity="warning",
        subject=f"well {well.part.run_id}:{well.part.position}",
        message=f"This blank has {k} positives of {well.part.accepted} in {well.target or 'its channel'}, far more than the others: left out of the false-positive rate; {consequence}.",
        advice="Look for contamination or a swapped well; repeat low positives beside clean blanks.",
    )


def _no_blank(key: tuple[str, str]) -> Finding:
    run_id, target = key
    return Finding(
        code="dpcr.no_blank",
        severity="warning",
        subject=f"run {run_id}",
        message=f"No no-template well of {target or 'the wells without target'}: the false-positive rate is an assumption.",
        advice="Run no-template wells on every plate.",
    )


def _positive(key: tuple[str, str], kind: str, counts: Sequence[Counted]) -> list[Finding]:
    if not is_positive(counts):
        return []
    run_id, target = key
    k, n = summed(counts)
    named = "blank" if kind == _NO_TEMPLATE else "negative control"
    return [
        Finding(
            code="dpcr.blank_positive",
            severity="warning",
            subject=f"run {run_id}",
            message=f"{k} of {n} partitions of {_many(len(counts), named)} are positive for {target or 'their channel'}.",
            advice="Look for contamination before trusting low results of this target."
            if kind == _NO_TEMPLATE
            else "The assay may amplify the wild type: low results of this target are judged against it.",
        )
    ]
