"""Ruijter 2013: the eleven published methods recomputed, and ours among them.

Five calibrations, none of which looks at the level of the well that it reads, but for the last. *Line of the
laboratory* (held against the bars, and ranked) is the product with ``standard_curve = "laboratory"``: the gene's wells are samples
of an assay without standards, read by the line that the other genes' accepted curves lead one to expect. *History without
the well* (held against the bars, and ranked, too): genes are curves of one laboratory and one lot of standards, as in the left-out standards; a
gene's line is drawn from its other fourteen wells and the history of the other 62 genes. *Own line without the
well*. *Line of other genes*: their mean least-squares line, beside the product's. *Own line*: with the well in it, as the published methods with a standard curve did.

Two ways of reading a curve, both settings of a study: ``cq_source = "ours"`` (15 % of the height) and
``cq_source = "combined"`` (held against the bars), five cycles by weights and a penalty that the accepted standards of the other
genes teach. The list of these five cycles was found on these same genes: some 360 ways of reading were tried on
them, about 200 when the curves were built and about 160 when the combination was, and a dozen calibrations.
`_qpcr_nested` shows what is left when the way of reading is chosen without the genes that are read, and what a
reading without error would reach.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from _form import Figure
from _qpcr_lines import (
    by_history,
    by_laboratory_line,
    by_other_genes,
    laboratory,
    own_line,
    own_line_without,
)
from _qpcr_nested import (
    AMPLIFYING,
    STEP,
    all_cycles,
    attainable,
    metrics,
    most_chosen,
    nested_readings,
    shared_offsets,
)
from _qpcr_sets import CurveSet, curve_set, gene_of, method_quantities, published_results
from remnant.assay.qpcr.amplification import read_curves
from remnant.assay.qpcr.amplification_combined import Combination, combined_results
from remnant.numerics.dilution_metrics import DilutionMetrics, dilution_metrics
from remnant.records.run import Run, Well

__all__ = ["figures", "our_cq", "recomputed", "standards"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RESAMPLES: Final = 2000
BARS: Final = (0.0035, 0.0025)
"""MS within and MS deviation, medians over genes."""
_SECTIONS: Final = {
    "slope = bias": "slope",
    "correlation = R": "correlation",
    "Linearity: MS derivation": "ms_deviation",
    "Reproducibility: MS within": "ms_within",
    "Bias as ratio mean": "bias_ratio",
}
_NAMES: Final = {"LinRegPCR (old)": "LinRegPCR"}
_EXCHANGED: Final = {"CDH5": "CDKN3", "CDKN3": "CDH5"}


def recomputed() -> tuple[float, int]:
    """Largest deviation of a recomputed metric from its published value, in units of the last printed digit.

    The published table heads CDH5 and CDKN3 the other way round for the two LRE methods.
    """
    nominal, quantities = method_quantities()
    worst, count = 0.0, 0
    for section, field in _SECTIONS.items():
        for method, by_gene in published_results()[section].items():
            wells = quantities[_NAMES.get(method, method)]
            exchanged = _EXCHANGED if method.startswith("LRE") else {}
            for gene, value in by_gene.items():
                got = getattr(dilution_metrics(nominal, wells[exchanged.get(gene, gene)]), field)
                digit = 0.01 if field == "bias_ratio" else 1e-6
                relative = 1e-4 * abs(value) if field == "bias_ratio" else 0.0
                worst = max(worst, (abs(got - value) - relative) / digit)
                count += 1
    return worst, count


def standards(found: CurveSet) -> tuple[Floats, Integers]:
    """Nominal copies of a gene's fifteen wells, and the rows of the set, genes x wells, without ALUsq."""
    nominal = np.array([float(column.split("STD_")[1].split(".")[0]) for column in found.columns])
    genes = np.array([gene_of(target) for _, _, target in found.curves.wells])
    rows = np.flatnonzero(genes != "ALUsq")
    order = rows[np.lexsort((nominal[rows], genes[rows]))].reshape(len(set(genes[rows])), -1)
    return nominal[order[0]], order


def our_cq(found: CurveSet) -> tuple[dict[str, Floats], Combination]:
    """Cq of every curve as a study's settings read it, and what the combination learned.

    ALUsq takes part as any assay would: its standard curve fails the gates and teaches nothing.
    """
    results = read_curves(found.curves).records()
    wells = [
        Well(
            run_id=run,
            position=position,
            target=target,
            sample=position,
            kind="standard",
            detected=None,
            cq=None,
            standard_copies=float(position.split("STD_")[1].split(".")[0]),
        )
        for run, position, target in found.curves.wells
    ]
    combined, [learned], _ = combined_results(wells, results, [Run(run_id=found.name)])
    cq = {
        label: np.array([np.nan if one.cq is None else one.cq for one in read])
        for label, read in (("ours", results), ("combined", combined))
    }
    return cq, learned


def _gene_by_gene(read: Callable[[Floats, Floats, Floats], Floats]) -> Callable[[Floats, Floats], Floats]:
    """A calibration by what all genes but the one that is read teach."""

    def quantities(nominal: Floats, cq: Floats) -> Floats:
        rest = [np.arange(len(cq)) != gene for gene in range(len(cq))]
        return np.stack([read(nominal, cq[keep], own) for keep, own in zip(rest, cq, strict=True)])

    return quantities


def _by_history(nominal: Floats, others: Floats, cq: Floats) -> Floats:
    return by_history(laboratory(nominal, others), cq)


_CALIBRATIONS: Final = {
    "line of the laboratory": _gene_by_gene(by_laboratory_line),
    "history without the well": _gene_by_gene(_by_history),
    "own line without the well": own_line_without,
    "line of other genes": _gene_by_gene(by_other_genes),
    "own line": own_line,
}
_HISTORY: Final = "history without the well"
_JUDGED: Final = ("line of the laboratory", _HISTORY)


def ranks(metrics: dict[str, dict[str, DilutionMetrics]], field: str) -> tuple[int, int, int]:
    """Rank of ours among the methods by the median over genes, and its 95 % interval over resampled genes."""
    methods = list(metrics)
    genes = sorted(set.intersection(*(set(by_gene) for by_gene in metrics.values())))
    values = np.array([[getattr(metrics[method][gene], field) for gene in genes] for method in methods])
    rng = np.random.default_rng(2013)
    chosen = rng.integers(0, len(genes), (RESAMPLES, len(genes)))
    medians = np.median(values[:, chosen], axis=2)
    place = 1 + (medians < medians[methods.index("ours")]).sum(axis=0)
    whole = np.median(values, axis=1)
    low, high = np.quantile(place, [0.025, 0.975], method="nearest")
    return 1 + int((whole < whole[methods.index("ours")]).sum()), int(low), int(high)


def _interval(values: Floats) -> tuple[float, float]:
    """95 % interval of a median over genes, genes resampled."""
    chosen = np.random.default_rng(2013).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(np.median(values[chosen], axis=1), [0.025, 0.975])
    return float(low), float(high)


def _summary(label: str, nominal: Floats, quantity: Floats, *, judged: bool = False) -> list[Figure]:
    """Medians over genes with their 95 % intervals, and the bars where they are judged."""
    slope, within, away = metrics(nominal, quantity)
    middle = float(np.median(slope))
    holds = abs(middle - 1.0) < 0.005
    said = [
        Figure(f"{label}: slope", middle, "1 +- 0.005", holds)
        if judged
        else Figure(f"{label}: slope", middle)
    ]
    for name, values, bar in (("MS within", within, BARS[0]), ("MS deviation", away, BARS[1])):
        low, high = _interval(values)
        value = float(np.median(values))
        shown = f"{value:.5f} ({low:.5f}-{high:.5f})"
        held = (f"<= {bar}", value <= bar) if judged else ("", None)
        said.append(Figure(f"{label}: {name} (95 %)", shown, *held))
    return said


def _nested_figures(nominal: Floats, cycles: dict[str, Floats]) -> list[Figure]:
    """Medians over genes of every split, as the mean over splits and their range."""
    splits, ways = nested_readings(nominal, cycles)
    found = []
    for calibration, field in (
        ("history without the well", "by_history"),
        ("own line without the well", "own_line_without"),
        ("line of other genes", "by_other_genes"),
    ):
        label = f"ours, 1 of {ways} ways chosen by other genes, {calibration}"
        medians = np.array(
            [[np.median(one) for one in metrics(nominal, getattr(split, field))] for split in splits]
        )
        intervals = [_interval(one) for one in metrics(nominal, getattr(splits[0], field))]
        found.append(Figure(f"{label}: slope", float(medians[:, 0].mean())))
        for place, name in ((1, "MS within"), (2, "MS deviation")):
            each = medians[:, place]
            low, high = intervals[place]
            shown = f"{each.mean():.5f} ({each.min():.5f}-{each.max():.5f}; {low:.5f}-{high:.5f})"
            found.append(Figure(f"{label}: {name} (splits; 95 % over genes)", shown))
    found.append(Figure("ways of reading that the folds chose", most_chosen(splits)))
    return found


def _floor_figures(nominal: Floats, cq: Floats, quantity: Floats) -> list[Figure]:
    """What no reading can take out: counting, and offsets of the wells that all genes share."""
    offsets, error = shared_offsets(nominal, cq)
    most = int(np.abs(offsets / error).argmax())
    found = [
        Figure("offset that all genes share in a well, cycles: root mean square", float(offsets.std())),
        Figure(
            f"the surest of the fifteen, at {nominal[most]:g} copies (standard errors)",
            f"{offsets[most]:+.3f} ({offsets[most] / error[most]:+.1f})",
        ),
    ]
    others = (np.arange(len(cq)) != gene for gene in range(len(cq)))
    content = np.stack([shared_offsets(nominal, cq[keep])[0] for keep in others]) / STEP
    _, within, away = metrics(nominal, quantity + content)
    known = f"{np.median(within):.5f} / {np.median(away):.5f}"
    found.append(
        Figure("combined, history without the well, less the offsets that other genes show: MS", known)
    )
    for label, amplifying, shared in (
        ("Poisson counts alone", 1.0, np.zeros(len(nominal))),
        (f"{100 * AMPLIFYING:g} % of molecules amplify, shared offsets", AMPLIFYING, offsets),
    ):
        for calibration, (due_within, due_away, both) in attainable(
            nominal, len(cq), amplifying=amplifying, offsets=shared, bars=BARS
        ).items():
            shown = f"{due_within:.5f} / {due_away:.5f}; {both:.2f}"
            found.append(Figure(f"a reading without error, {label}, {calibration}: MS; P(both bars)", shown))
    return found


def figures() -> list[Figure]:
    """Figures of this part."""
    worst, count = recomputed()
    said = [Figure(f"Ruijter: {count} published metrics, worst in last digits", worst, "<= 1", worst <= 1.0)]
    level, published = method_quantities()
    everyone = {
        method: {gene: dilution_metrics(level, wells) for gene, wells in by_gene.items()}
        for method, by_gene in published.items()
    }
    found = curve_set("vermeulen2")
    nominal, rows = standards(found)
    genes = [gene_of(found.curves.wells[row][2]) for row in rows[:, 0]]
    read, learned = our_cq(found)
    said.append(
        Figure(
            f"combined cycles, {learned.assays} assays: variance of left-out standards over that of one cycle",
            learned.variance_ratio,
        )
    )
    mine: dict[str, Floats] = {}
    for source in ("combined", "ours"):
        for name, calibrate in _CALIBRATIONS.items():
            quantity = calibrate(nominal, read[source][rows])
            against_bars = source == "combined" and name in _JUDGED
            said += _summary(f"{source}, {name}", nominal, quantity, judged=against_bars)
            if against_bars:
                mine[name] = quantity
    for name, quantity in mine.items():
        ours = {
            gene: dilution_metrics(nominal, 10.0**wells) for gene, wells in zip(genes, quantity, strict=True)
        }
        said += _rank_figures({**everyone, "ours": ours}, name)
    cycles = {name: values[rows] for name, values in all_cycles(found).items()}
    said += _nested_figures(nominal, cycles)
    return said + _floor_figures(nominal, read["combined"][rows], mine[_HISTORY])


def _rank_figures(everyone: dict[str, dict[str, DilutionMetrics]], calibration: str) -> list[Figure]:
    """Rank of ours, and the best of the published methods."""
    found = []
    for field, label in (("ms_within", "MS within"), ("ms_deviation", "MS deviation")):
        rank, low, high = ranks(everyone, field)
        name = f"rank of ours among 12 by {label}, {calibration} (95 % over genes)"
        found.append(Figure(name, f"{rank} ({low}-{high})"))
        others = (
            (float(np.median([getattr(one, field) for one in by_gene.values()])), method)
            for method, by_gene in everyone.items()
            if method != "ours"
        )
        value, method = min(others)
        found.append(Figure(f"best published {label}: {method}", value))
    return found
