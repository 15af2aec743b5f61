"""Ruijter 2013: the eleven published methods recomputed, and ours among them.

Ours has three variants of calibration. *Of other genes*: slope and intercept are the means over the other 62
genes, so that nothing of a gene's standards enters its quantities; the bars are judged on this one. *Without
the well*: the gene's own standard curve from its other fourteen wells, weighted by technical and counting
error. *Own curve*: with the well in it, as the published methods with a standard curve did.

Each is shown for the Cq that remnant reads (15 % of the height), and for the five cycles of a curve combined by
weights that the other 62 genes taught, as a laboratory with many assays could.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from _form import Figure
from _qpcr_sets import curve_set, gene_of, method_quantities, published_results
from remnant.assay.qpcr.amplification import read_curves
from remnant.knowledge.qpcr import well_assumptions
from remnant.numerics.cycle_combination import cycle_weights
from remnant.numerics.dilution_metrics import DilutionMetrics, dilution_metrics
from remnant.numerics.sigmoid import fit_sigmoids
from remnant.numerics.sigmoid_points import sigmoid_points

__all__ = ["figures", "our_cq", "recomputed"]

Floats = NDArray[np.float64]

RESAMPLES: Final = 2000
_SECTIONS: Final = {
    "slope = bias": "slope",
    "correlation = R": "correlation",
    "Linearity: MS derivation": "ms_deviation",
    "Reproducibility: MS within": "ms_within",
    "Bias as ratio mean": "bias_ratio",
}
_NAMES: Final = {"LinRegPCR (old)": "LinRegPCR"}
_EXCHANGED: Final = {"CDH5": "CDKN3", "CDKN3": "CDH5"}
_STEP: Final = -3.4
_TECHNICAL, _COUNTING, _RIDGE = 0.004, 0.19, 0.1
"""Variance of log10 copies by which wells weigh in learning the combination, and its penalty."""


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


def our_cycles() -> tuple[Floats, tuple[str, ...], Floats]:
    """Nominal copies and gene of every standard, and its five cycles with the shipped Cq in the last column."""
    found = curve_set("vermeulen2")
    got = read_curves(found.curves)
    fits = fit_sigmoids(found.curves.cycles, found.curves.fluorescence)
    shares = [
        sigmoid_points(found.curves.cycles, found.curves.fluorescence, fits, share=share).share_cycle
        for share in (0.15, 0.05)
    ]
    cycles = np.stack([shares[0], got.tangent_cq, got.second_derivative_cq, shares[1], got.cq], axis=1)
    nominal = np.array([float(column.split("STD_")[1].split(".")[0]) for column in found.columns])
    genes = np.array([gene_of(target) for _, _, target in found.curves.wells])
    rows = np.flatnonzero(genes != "ALUsq")
    order = rows[np.lexsort((nominal[rows], genes[rows]))]
    return nominal[order], tuple(genes[order]), cycles[order]


def our_cq() -> tuple[Floats, dict[str, Floats], dict[str, Floats]]:
    """Nominal copies; Cq of the fifteen standards of each gene as shipped, and combined."""
    nominal, genes, cycles = our_cycles()
    names = sorted(set(genes))
    number = np.searchsorted(names, genes)
    shipped, combined = {}, {}
    for i, gene in enumerate(names):
        own, rest = number == i, number != i
        weights = cycle_weights(
            cycles[rest],
            np.log10(nominal[rest]),
            number[rest],
            variance=_TECHNICAL + _COUNTING / nominal[rest],
            ridge=_RIDGE,
        )
        shipped[gene], combined[gene] = cycles[own, -1], cycles[own] @ weights
    return nominal[number == 0], shipped, combined


def _line(x: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """Slope and value at x = 0 of a weighted straight line."""
    mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
    slope = float((weight * (x - mean_x)) @ (y - mean_y) / ((weight * (x - mean_x)) @ (x - mean_x)))
    return slope, float(mean_y - slope * mean_x)


def of_other_genes(nominal: Floats, cq: dict[str, Floats]) -> dict[str, Floats]:
    """Quantities under the mean line of the other genes."""
    x = np.log10(nominal)
    lines = {gene: np.array(_line(x, y, np.ones(len(x)))) for gene, y in cq.items()}
    total = sum(lines.values())
    found = {}
    for gene, y in cq.items():
        slope, at_one = (total - lines[gene]) / (len(cq) - 1)
        found[gene] = 10 ** ((y - at_one) / slope)
    return found


def without_the_well(nominal: Floats, cq: dict[str, Floats]) -> dict[str, Floats]:
    """Quantities of each well under the gene's curve of the other wells."""
    x = np.log10(nominal)
    technical = well_assumptions().technical_sd
    weight = 1.0 / (technical**2 + (_STEP / np.log(10.0)) ** 2 / nominal)
    found = {}
    for gene, y in cq.items():
        quantity = np.empty(len(x))
        for i in range(len(x)):
            rest = np.arange(len(x)) != i
            slope, at_one = _line(x[rest], y[rest], weight[rest])
            quantity[i] = 10 ** ((y[i] - at_one) / slope)
        found[gene] = quantity
    return found


def own_curve(nominal: Floats, cq: dict[str, Floats]) -> dict[str, Floats]:
    """Quantities under the gene's own unweighted curve."""
    x = np.log10(nominal)
    lines = {gene: _line(x, y, np.ones(len(x))) for gene, y in cq.items()}
    return {gene: 10 ** ((y - lines[gene][1]) / lines[gene][0]) for gene, y in cq.items()}


def _each(nominal: Floats, quantities: dict[str, Floats]) -> dict[str, DilutionMetrics]:
    return {gene: dilution_metrics(nominal, quantity) for gene, quantity in quantities.items()}


def _median(metrics: dict[str, DilutionMetrics], field: str) -> float:
    return float(np.median([getattr(one, field) for one in metrics.values()]))


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


def figures() -> list[Figure]:
    """Figures of this part."""
    worst, count = recomputed()
    found = [Figure(f"Ruijter: {count} published metrics, worst in last digits", worst, "<= 1", worst <= 1.0)]
    nominal, shipped, combined = our_cq()
    level, published = method_quantities()
    everyone = {method: _each(level, by_gene) for method, by_gene in published.items()}
    for label, cq in (("cycles combined", combined), ("Cq as shipped", shipped)):
        for name, calibrate in _VARIANTS.items():
            metrics = _each(nominal, calibrate(nominal, cq))
            judged = label == "cycles combined" and name == "curve of other genes"
            found += _summary(f"ours, {label}, {name}", metrics, judged=judged)
            if judged:
                everyone["ours"] = metrics
    for field, label in (("ms_within", "MS within"), ("ms_deviation", "MS deviation")):
        rank, low, high = ranks(everyone, field)
        found.append(Figure(f"rank of ours among 12 by {label} (95 % over genes)", f"{rank} ({low}-{high})"))
        best = min(
            (_median(by_gene, field), method) for method, by_gene in everyone.items() if method != "ours"
        )
        found.append(Figure(f"best published {label}: {best[1]}", best[0]))
    return found


_VARIANTS: Final = {
    "curve of other genes": of_other_genes,
    "own curve without the well": without_the_well,
    "own curve": own_curve,
}


def _summary(label: str, metrics: dict[str, DilutionMetrics], *, judged: bool) -> list[Figure]:
    """Medians over genes, with the bars where they are judged."""
    slope = _median(metrics, "slope")
    found = [
        Figure(f"{label}: slope", slope, "1 +- 0.005", abs(slope - 1.0) < 0.005)
        if judged
        else Figure(f"{label}: slope", slope)
    ]
    for field, name, bar in (("ms_within", "MS within", 0.0035), ("ms_deviation", "MS deviation", 0.0025)):
        value = _median(metrics, field)
        held = (f"<= {bar}", value <= bar) if judged else ("", None)
        found.append(Figure(f"{label}: {name}", value, *held))
    return found
