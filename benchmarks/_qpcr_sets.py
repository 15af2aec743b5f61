"""The published curves, ratings, golden fits and standards beside the checkout, read as they are."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from remnant.records.run import Curves

__all__ = [
    "DATA",
    "CurveSet",
    "curve_set",
    "gene_of",
    "golden",
    "majority",
    "method_quantities",
    "published_results",
    "ratings",
]

DATA = Path(os.environ.get("REMNANT_REAL_DATA", Path(__file__).parents[2] / "shared" / "data")) / "qpcr"

Floats = NDArray[np.float64]
_RENAMED = {"CHD5": "CDH5", "ALUsq-Eur": "ALUsq"}


@dataclass(frozen=True, slots=True, eq=False)
class CurveSet:
    """Curves of one published set."""

    name: str
    columns: tuple[str, ...]
    curves: Curves


def _number(text: str) -> float:
    return float("nan") if text in {"", "NA"} else float(text)


def curve_set(name: str) -> CurveSet:
    """Curves of ``sets/NAME.csv``; in Vermeulen a curve's target is its gene, elsewhere the set."""
    with (DATA / "sets" / f"{name}.csv").open(encoding="utf-8") as stream:
        header, *rows = csv.reader(stream)
    values = np.array([[_number(text) for text in row] for row in rows])
    columns = tuple(header[1:])
    target = [column.split(".STD_")[0] if ".STD_" in column else name for column in columns]
    wells = tuple((name, column, gene) for column, gene in zip(columns, target, strict=True))
    curves = Curves(
        wells=wells, cycles=values[:, 0].copy(), fluorescence=np.ascontiguousarray(values[:, 1:].T)
    )
    return CurveSet(name, columns, curves)


def golden(name: str) -> dict[str, tuple[float, float]]:
    """cpD2 and residual sum of squares of R qpcR's l5, by curve; only where it has both."""
    with (DATA / "sets" / f"golden_qpcR_{name}_l5.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    values = {row["curve"]: (_number(row["cpD2"]), _number(row["RSS"])) for row in rows}
    return {curve: pair for curve, pair in values.items() if np.isfinite(pair).all()}


def ratings(name: str) -> tuple[tuple[str, ...], NDArray[np.str_]]:
    """Rated curves, and what each person said: y, a or n."""
    with (DATA / "ratings" / f"decision_res_{name}.csv").open(encoding="utf-8") as stream:
        _, *rows = csv.reader(stream)
    return tuple(row[0] for row in rows), np.array([row[1:-1] for row in rows])


def majority(said: NDArray[np.str_]) -> NDArray[np.str_]:
    """What more than half of those who spoke said; empty without such a majority."""
    found = []
    for row in said:
        counts = Counter(word for word in row if word)
        word, count = counts.most_common(1)[0] if counts else ("", 0)
        found.append(word if 2 * count > counts.total() else "")
    return np.array(found)


def gene_of(label: str) -> str:
    """Gene of a column, whichever method wrote it."""
    short = re.sub(r"(_2008\d*|_bis|\(.*\))", "", label)
    return _RENAMED.get(short, short)


def method_quantities() -> tuple[Floats, dict[str, dict[str, Floats]]]:
    """Nominal copies of the fifteen wells, and the published quantities by method and gene."""
    found: dict[str, dict[str, list[float]]] = {}
    levels: list[float] = []
    genes: list[str] = []
    current: dict[str, list[float]] = {}
    with (DATA / "vermeulen" / "data_vermeulen_methods_quant.tsv").open(encoding="utf-8") as stream:
        for row in csv.reader(stream, delimiter=";"):
            if row and row[0] == "method":
                genes = [gene_of(label) for label in row[3:]]
                current = found.setdefault(row[1], {gene: [] for gene in genes if gene})
            elif len(row) > 3 and row[2].startswith("STD_") and current:
                for gene, text in zip(genes, row[3:], strict=False):
                    if gene:
                        current[gene].append(_number(text))
                if len(found) == 1:
                    levels.append(float(row[2][4:]))
    arrays = {
        method: {gene: np.array(values) for gene, values in by_gene.items() if gene != "ALUsq"}
        for method, by_gene in found.items()
    }
    return np.array(levels), arrays


def published_results() -> dict[str, dict[str, dict[str, float]]]:
    """Published metrics: section, method, gene."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    section, genes = "", []
    with (DATA / "vermeulen" / "data_vermeulen_methods_results.tsv").open(encoding="utf-8") as stream:
        for row in csv.reader(stream, delimiter="\t"):
            filled = [text for text in row if text]
            if len(filled) > 1 and not re.fullmatch(r"[-\d.eE+]+", row[1]):
                section, genes = row[0], [gene_of(label) for label in row[1:]]
                found[section] = {}
            elif len(filled) > 1:
                values = zip(genes, row[1:], strict=False)
                found[section][row[0]] = {gene: float(text) for gene, text in values if gene and text}
    return found
