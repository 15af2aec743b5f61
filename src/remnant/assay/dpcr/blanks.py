"""What a blank does: the false-positive rate of a target in a run, from its no-template wells.

The rate has a Beta posterior; a blank that the others cannot explain (contaminated, swapped) is left out of it
and named. So are all blanks where wells of samples have fewer positives than such a rate can give. Limits of blank and detection follow for any number of partitions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from remnant.assay.dpcr.wells import NamedWell
from remnant.knowledge.dpcr import BlankRule
from remnant.numerics.partitions import outlier_p_values
from remnant.records.finding import Finding

__all__ = ["BlankRate", "blank_rates"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlankRate:
    """Beta posterior of the rate of false positives a partition.

    Attributes
    ----------
    positives, negatives : float
        Its parameters, prior included.
    wells : int
        Blanks behind it; 0 if it is the prior alone.
    """

    positives: float
    negatives: float
    wells: int

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
    wells: Sequence[NamedWell], positives: Sequence[int | None], rule: BlankRule
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

    Returns
    -------
    rates : dict of (str, str) to BlankRate
        By run and target.
    outliers : set of int
        Blanks that were left out.
    findings : list of Finding
        Targets without blanks, blanks left out, blanks that are positive, blanks with more than wells of samples.
    """
    blanks: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, well in enumerate(wells):
        rows = blanks[well.part.run_id, well.target]
        if well.part.kind == "ntc" and not well.part.excluded and positives[i] is not None:
            rows.append(i)
    rates, outliers, findings = {}, set[int](), []
    for key, rows in blanks.items():
        counts = {i: (positives[i] or 0, wells[i].part.accepted) for i in rows}
        worst = _outlier(counts, rule)
        if worst is not None:
            outliers.add(worst)
            findings.append(_left_out(wells[worst], counts[worst][0]))
        kept = [counts[i] for i in rows if i != worst]
        k, n = sum(one[0] for one in kept), sum(one[1] for one in kept)
        rates[key] = BlankRate(
            positives=rule.prior_positives + k,
            negatives=rule.prior_partitions - rule.prior_positives + n - k,
            wells=len(kept),
        )
        said = _blank_findings(key, len(kept), k, n)
        if _disagree(kept, rule):
            rates[key] = _spread(kept, rates[key])
            said.append(_blanks_disagree(key, kept))
        lower = _well_below(wells, positives, key, rate=rates[key], rule=rule) if kept else None
        if lower is not None:
            outliers |= set(rows)
            rates[key] = BlankRate(
                positives=rule.prior_positives,
                negatives=rule.prior_partitions - rule.prior_positives,
                wells=0,
            )
            said = [_above_samples(key, k, n, wells=len(kept), lower=lower)]
        findings += said
    return rates, outliers, findings


def _outlier(counts: Mapping[int, tuple[int, int]], rule: BlankRule) -> int | None:
    """The blank with most positives, if the others do not explain it."""
    rows = list(counts)
    if len(rows) < 3:
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
    rate: BlankRate,
    rule: BlankRule,
) -> str | None:
    """The well of a sample whose positives are too few for the rate of the blanks, if any: all wells share that rate."""
    held = [
        (well.part.position, count, well.part.accepted)
        for well, count in zip(wells, positives, strict=True)
        if (well.part.run_id, well.target) == key
        and well.part.kind != "ntc"
        and not well.part.excluded
        and count is not None
    ]
    if not held:
        return None
    k, n = (np.array([one[at] for one in held]) for at in (1, 2))
    p_values = np.atleast_1d(stats.betabinom.cdf(k, n, rate.positives, rate.negatives))
    least = int(np.argmin(p_values))
    if p_values[least] >= rule.outlier_p_value / len(held):
        return None
    return f"{k[least]} of {n[least]} in {held[least][0]}"


def _above_samples(key: tuple[str, str], k: int, n: int, *, wells: int, lower: str) -> Finding:
    run_id, target = key
    return Finding(
        code="dpcr.blank_above_samples",
        severity="failure",
        subject=f"run {run_id}",
        message=f"{k} of {n} partitions of {wells} {'blank' if wells == 1 else 'blanks'} are positive for {target or 'their channel'}, and a "
        f"well of a sample has fewer ({lower}): this is no false-positive rate that the wells share. No blank is used.",
        advice="Look whether the blank is one; repeat the plate with clean no-template wells.",
    )


def _disagree(counts: Sequence[tuple[int, int]], rule: BlankRule) -> bool:
    """Whether one rate cannot have given all these blanks."""
    if len(counts) < 2:
        return False
    k, n = (np.array(column) for column in zip(*counts, strict=True))
    return bool(outlier_p_values(k, n, 0.0).min() < rule.outlier_p_value / len(counts))


def _spread(counts: Sequence[tuple[int, int]], pooled: BlankRate) -> BlankRate:
    """Rate that varies between wells as these blanks do, where one rate cannot have given them.

    The Beta law with the mean and the variance of their shares (method of moments), never narrower than `pooled`.
    """
    shares = np.array([k / n for k, n in counts])
    mean, variance = float(shares.mean()), float(shares.var(ddof=1))
    total = min(max(mean * (1.0 - mean) / variance - 1.0, 1.0), pooled.positives + pooled.negatives)
    return BlankRate(positives=mean * total, negatives=(1.0 - mean) * total, wells=pooled.wells)


def _blanks_disagree(key: tuple[str, str], counts: Sequence[tuple[int, int]]) -> Finding:
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


def _blank_findings(key: tuple[str, str], wells: int, k: int, n: int) -> list[Finding]:
    run_id, target = key
    if not wells:
        return [
            Finding(
                code="dpcr.no_blank",
                severity="warning",
                subject=f"run {run_id}",
                message=f"No no-template well of {target or 'the wells without target'}: the false-positive rate is an assumption.",
                advice="Run no-template wells on every plate.",
            )
        ]
    if k <= wells:
        return []
    return [
        Finding(
            code="dpcr.blank_positive",
            severity="warning",
            subject=f"run {run_id}",
            message=f"{k} of {n} partitions of {wells} {'blank' if wells == 1 else 'blanks'} are positive for {target or 'their channel'}.",
            advice="Look for contamination before trusting low results of this target.",
        )
    ]
