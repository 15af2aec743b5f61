"""Sigmoids against R qpcR, calls against people, standard errors against replicates."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from _form import Figure
from _qpcr_sets import curve_set, golden, majority, ratings
from remnant.assay.qpcr.amplification import read_curves
from remnant.numerics.sigmoid import NOT_CONVERGED, fit_sigmoids
from remnant.numerics.sigmoid_points import sigmoid_points

__all__ = ["figures"]

GOLDEN: Final = ("batsch1", "batsch4", "boggy", "competimer", "dil4reps94", "reps", "reps384", "rutledge")
TUNED: Final = (
    "htPCR",
    "RAS002",
    "vermeulen1",
    "batsch1",
    "batsch2",
    "batsch3",
    "batsch4",
    "batsch5",
    "rutledge",
)
HELD_OUT: Final = (
    "kbqPCR",
    "competimer",
    "testdat",
    "vermeulen2",
    "dil4reps94",
    "reps",
    "reps2",
    "reps3",
    "reps384",
    "boggy",
    "HCU32_aggR",
)
_WORDS: Final = {"amplified": "y", "not amplified": "n", "doubtful": "a"}
_AGREE: Final = 1.001

Words = NDArray[np.str_]


def sigmoid_figures() -> list[Figure]:
    """Our sums of squares and cpD2 against the golden fits."""
    found = []
    good, near, every, agreeing = 0, 0, 0, 0
    for name in GOLDEN:
        held, reference = curve_set(name), golden(name)
        rows = [held.columns.index(curve) for curve in reference]
        cycles, readings = held.curves.cycles, held.curves.fluorescence[rows]
        fits = fit_sigmoids(cycles, readings)
        cq = sigmoid_points(cycles, readings, fits, share=0.15).second_derivative
        ended = np.where(np.isnan(cq), cycles[0], np.clip(cq, cycles[0], cycles[-1]))
        cpd2, rss = np.array(list(reference.values())).T
        ratio = fits.rss / rss
        fine = (ratio <= _AGREE) & (fits.status != NOT_CONVERGED)
        same = (np.abs(ratio - 1.0) <= _AGREE - 1.0) & (fits.status != NOT_CONVERGED)
        close = np.abs(ended - cpd2)[same] <= 0.01 + 1e-9
        good, every = good + int(fine.sum()), every + len(rows)
        near, agreeing = near + int(close.sum()), agreeing + int(same.sum())
        found.append(
            Figure(
                f"l5 {name}: not above golden / lower / cpD2 within 0.01, of {len(rows)}",
                f"{fine.sum()} / {(ratio < 2 - _AGREE).sum()} / {close.sum()} of {same.sum()}",
            )
        )
    share, share_near = good / every, near / agreeing
    return [
        Figure(f"l5: RSS not above golden by 0.1 %, of {every} curves", share, ">= 0.98", share >= 0.98),
        Figure(
            f"l5: cpD2 within 0.01 cycle, of {agreeing} that agree", share_near, ">= 0.99", share_near >= 0.99
        ),
        *found,
    ]


def _balanced(said: Words, truth: Words) -> float:
    """Mean of the shares of yes and of no that were said so; doubt counts as wrong. NaN without both."""
    yes, no = truth == "y", truth == "n"
    if not yes.any() or not no.any():
        return float("nan")
    return float(0.5 * ((said[yes] == "y").mean() + (said[no] == "n").mean()))


def _called(name: str) -> tuple[Words, Words, float]:
    """Our calls, the majority of people, and the mean agreement of one of them with the others."""
    held = curve_set(name)
    result = read_curves(held.curves)
    rated, said = ratings(name)
    place = {column: i for i, column in enumerate(held.columns)}
    ours = np.array([_WORDS[result.call[place[curve]]] for curve in rated])
    each = [_balanced(said[:, i], majority(np.delete(said, i, axis=1))) for i in range(said.shape[1])]
    return ours, majority(said), float(np.mean(each))


def call_figures() -> list[Figure]:
    """Balanced accuracy by set and over the sets that were held out, with the agreement of the raters."""
    found, held_out, people = [], [], []
    right = wrong = 0
    for name in (*TUNED, *HELD_OUT):
        ours, truth, agreement = _called(name)
        label = "tuned on" if name in TUNED else "held out"
        score = _balanced(ours, truth)
        if np.isnan(score):
            yes = truth == "y"
            right, wrong = right + int((ours[yes] == "y").sum()), wrong + int((ours[yes] != "y").sum())
            continue
        bar = min(0.95, agreement)
        found.append(
            Figure(f"calls, {name} ({label}), raters {agreement:.3f}", score, f">= {bar:.3f}", score >= bar)
        )
        if name in HELD_OUT:
            held_out.append(score)
            people.append(agreement)
    mean, bar = float(np.mean(held_out)), min(0.95, float(np.mean(people)))
    return [
        Figure(
            f"calls: mean balanced accuracy of held-out sets, raters {np.mean(people):.3f}",
            mean,
            f">= {bar:.3f}",
            mean >= bar,
        ),
        *found,
        Figure("calls: sets without a no, curves called amplified", f"{right} of {right + wrong}"),
    ]


def error_figures() -> list[Figure]:
    """Standard errors in dil4reps94 (labels corrected) beside the spread of replicates.

    Replicates hold pipetting and counting too, so that a standard error should not be above their spread.
    """
    held = curve_set("dil4reps94")
    got = read_curves(held.curves)
    level = np.array([column.split("_")[0] for column in held.columns])
    found = []
    for label, copies in (("F15", 15_000), ("F150", 1_500), ("F1500", 150), ("F15000", 15)):
        rows = level == label
        parts = []
        for value, error in (
            (got.cq, got.cq_se),
            (got.second_derivative_cq, got.second_derivative_se),
            (got.tangent_cq, got.tangent_se),
        ):
            spread = 1.4826 * np.median(np.abs(value[rows] - np.median(value[rows])))
            parts.append(f"{np.median(error[rows]):.3f}/{spread:.3f}")
        found.append(Figure(f"SE / replicate SD, {copies} copies: Cq, cpD2, Cy0", ", ".join(parts)))
    return found


def figures() -> list[Figure]:
    """Figures of this part."""
    return [*sigmoid_figures(), *call_figures(), *error_figures()]
