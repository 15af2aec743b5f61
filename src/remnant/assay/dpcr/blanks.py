"""What a blank does: the false-positive rate of a target in a run, from its no-template wells.

Negative controls are blanks of a leukaemia-specific target too, and better ones: they hold the wild type that may
cross-amplify. Where the two kinds differ, the kind with more positives gives the rate. The rate has a Beta
posterior; its prior, a clean well, gives way where the blanks hold more than a positive each. A blank that the
others of its kind cannot explain (contaminated, swapped) is left out and named. Where a well of a sample has fewer
positives than no-template wells can give, the wells share no rate: it is taken to vary from that well's to theirs,
and what such a blank would explain is neither positive nor negative. Limits of blank and detection follow for any
number of partitions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import stats

from remnant.assay.dpcr.wells import NamedWell
from remnant.knowledge.dpcr import BlankRule
from remnant.numerics.partitions import outlier_p_values
from remnant.records.finding import Finding

__all__ = ["BlankRate", "blank_rates"]

_NO_TEMPLATE: Final = "ntc"
_NEGATIVE: Final = "negative_control"
_TELLING: Final = 3
"""Blanks from which one that is unlike the others is known."""

Counted = tuple[int, int]
"""Positives and accepted partitions of one well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Below:
    """A well of a sample with fewer positives than the blanks can give."""

    position: str
    count: Counted


@dataclass(frozen=True, slots=True, kw_only=True)
class BlankRate:
    """Beta posterior of the rate of false positives a partition.

    Attributes
    ----------
    positives, negatives : float
        Its parameters, prior included.
    wells : int
        Blanks behind it; 0 if it is the prior alone.
    contaminated : bool
        Whether wells without template hold more than a positive each and do not agree, with each other or with a
        well of a sample that has fewer, or are too few to tell: what stained them may have stained a sample, or not.
    """

    positives: float
    negatives: float
    wells: int
    contaminated: bool = False

    @property
    def mean(self) -> float:
        """Mean rate.

        Returns
        -------
        float
            A partition.
        """
        return self.positives / (self.positives + self.negatives)

    @property
    def sd(self) -> float:
        """Standard deviation of the rate.

        Returns
        -------
        float
            A partition.
        """
        total = self.positives + self.negatives
        return float(np.sqrt(self.mean * (1.0 - self.mean) / (total + 1.0)))


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
    for i, well in enumerate(wells):
        kinds = blanks.setdefault((well.part.run_id, well.target), defaultdict(dict))
        held, k = well.part.kind, positives[i]
        is_blank = held == _NO_TEMPLATE or (held == _NEGATIVE and well.target in specific)
        if is_blank and k is not None and well.part.accepted and not well.part.excluded:
            kinds[held][i] = (k, well.part.accepted)
    rates, outliers, findings = {}, set[int](), []
    for key, kinds in blanks.items():
        kept: dict[str, list[Counted]] = {}
        below: _Below | None = None
        for kind, counts in kinds.items():
            worst = _outlier(counts, rule)
            if worst is not None:
                outliers.add(worst)
                findings.append(_left_out(wells[worst], counts[worst][0]))
            kept[kind] = [one for i, one in counts.items() if i != worst]
            if kind == _NO_TEMPLATE:
                below = _well_below(wells, positives, key, counts=kept[kind], rule=rule)
            if kind != _NO_TEMPLATE or below is None:
                findings += _positive(key, kind, kept[kind])
        if not kinds:
            findings.append(_no_blank(key))
        rates[key], more = _rate(key, kept, rule, below)
        findings += more
    return rates, outliers, findings


def _rate(
    key: tuple[str, str], kept: Mapping[str, Sequence[Counted]], rule: BlankRule, below: _Below | None
) -> tuple[BlankRate, list[Finding]]:
    """Rate of all blanks together, or of the kind with more positives where the kinds differ."""
    sums = {kind: _summed(counts) for kind, counts in kept.items()}
    chosen = list(kept)
    if len(sums) > 1 and _disagree(list(sums.values()), rule):
        chosen = [max(sums, key=lambda kind: sums[kind][0] / sums[kind][1])]
    counts = [one for kind in chosen for one in kept[kind]]
    free = kept.get(_NO_TEMPLATE, ()) if _NO_TEMPLATE in chosen else ()
    found = _pooled(counts, rule)
    apart = _disagree(counts, rule)
    unequal = below is not None and bool(free)
    if _is_positive(free) and (apart or unequal or len(free) < _TELLING):
        found = replace(found, contaminated=True)
    if below is not None and unequal:
        return _spread([*counts, below.count], found), [_above_samples(key, free, below)]
    if apart:
        return _spread(counts, found), [_blanks_disagree(key, counts)]
    return found, []


def _pooled(counts: Sequence[Counted], rule: BlankRule) -> BlankRate:
    """One rate of all these blanks."""
    k, n = _summed(counts)
    # Blanks that are positive contradict the prior's clean well: it must not thin them out.
    worth = 2.0 * rule.prior_positives if _is_positive(counts) else rule.prior_partitions
    return BlankRate(
        positives=rule.prior_positives + k, negatives=worth - rule.prior_positives + n - k, wells=len(counts)
    )


def _summed(counts: Sequence[Counted]) -> Counted:
    return sum(one[0] for one in counts), sum(one[1] for one in counts)


def _many(count: int, named: str) -> str:
    return f"{count} {named}{'' if count == 1 else 's'}"


def _is_positive(counts: Sequence[Counted]) -> bool:
    """More than a positive partition each."""
    return _summed(counts)[0] > len(counts)


def _outlier(counts: Mapping[int, Counted], rule: BlankRule) -> int | None:
    """The blank with most positives, if the others do not explain it."""
    rows = list(counts)
    if len(rows) < _TELLING:
        return None
    k, n = (np.array(column) for column in zip(*counts.values(), strict=True))
    p_values = outlier_p_values(k, n, 0.0)
    worst = int(np.argmax(k / n))
    return rows[worst] if p_values[worst] < rule.outlier_p_value / len(rows) else None


def _well_below(
    wells: Sequence[NamedWell],
    positives: Sequence[int | None],
    key: tuple[str, str],
    *,
    counts: Sequence[Counted],
    rule: BlankRule,
) -> _Below | None:
    """The well of a sample whose positives are too few for the rate of the blanks, if any."""
    held = [
        (well.part.position, count, well.part.accepted)
        for well, count in zip(wells, positives, strict=True)
        if (well.part.run_id, well.target) == key
        and well.part.kind != _NO_TEMPLATE
        and not well.part.excluded
        and count is not None
    ]
    if not held:
        return None
    rate, _ = _rate(key, {_NO_TEMPLATE: counts}, rule, None)
    k, n = (np.array([one[at] for one in held]) for at in (1, 2))
    p_values = np.atleast_1d(stats.betabinom.cdf(k, n, rate.positives, rate.negatives))
    least = int(np.argmin(p_values))
    if p_values[least] >= rule.outlier_p_value / len(held):
        return None
    return _Below(position=held[least][0], count=held[least][1:])


def _above_samples(key: tuple[str, str], counts: Sequence[Counted], below: _Below) -> Finding:
    run_id, target = key
    k, n = _summed(counts)
    return Finding(
        code="dpcr.blank_above_samples",
        severity="failure",
        subject=f"run {run_id}",
        message=f"{k} of {n} partitions of {_many(len(counts), 'no-template well')} are positive for {target or 'their channel'}, and a "
        f"well of a sample has fewer ({below.count[0]} of {below.count[1]} in {below.position}): this is no false-positive rate that the wells share. "
        "A well that such a blank would explain is neither positive nor negative.",
        advice="If the blank holds a sample, say so in the layout; if not, repeat the plate with clean no-template wells.",
    )


def _disagree(counts: Sequence[Counted], rule: BlankRule) -> bool:
    """Whether one rate cannot have given all these blanks."""
    if len(counts) < 2:
        return False
    k, n = (np.array(column) for column in zip(*counts, strict=True))
    return bool(outlier_p_values(k, n, 0.0).min() < rule.outlier_p_value / len(counts))


def _spread(counts: Sequence[Counted], pooled: BlankRate) -> BlankRate:
    """Rate that varies between wells as these blanks do, where one rate cannot have given them.

    The Beta law with the mean and the variance of their shares (method of moments), never narrower than `pooled`.
    """
    shares = np.array([k / n for k, n in counts])
    mean, variance = float(shares.mean()), float(shares.var(ddof=1))
    total = min(max(mean * (1.0 - mean) / variance - 1.0, 1.0), pooled.positives + pooled.negatives)
    return BlankRate(
        positives=mean * total,
        negatives=(1.0 - mean) * total,
        wells=pooled.wells,
        contaminated=pooled.contaminated,
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


def _left_out(well: NamedWell, k: int) -> Finding:
    return Finding(
        code="dpcr.blank_outlier",
        severity="warning",
        subject=f"well {well.part.run_id}:{well.part.position}",
        message=f"This blank has {k} positives of {well.part.accepted} in {well.target or 'its channel'}, far more than the others: left out of the false-positive rate.",
        advice="Look for contamination or a swapped well.",
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
    if not _is_positive(counts):
        return []
    run_id, target = key
    k, n = _summed(counts)
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
