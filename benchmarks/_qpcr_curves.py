"""Sigmoids against R qpcR, calls against people, standard errors against replicates."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from _form import Figure
from _qpcr_sets import CurveSet, curve_set, gene_of, golden, majority, ratings
from remnant.assay.qpcr.amplification import read_curves
from remnant.numerics.calibration_ladder import log_count_moments
from remnant.numerics.sigmoid import NOT_CONVERGED, fit_sigmoids
from remnant.numerics.sigmoid_points import sigmoid_points

__all__ = ["figures"]

Floats = NDArray[np.float64]

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
CYCLES_A_TENFOLD: Final = 3.456
"""Mean slope of Vermeulen's curves."""
FEW_REPLICATES: Final = 10
"""Replicates from which their middle is the median."""

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


def _levels(held: CurveSet) -> tuple[Floats, NDArray[np.str_]]:
    """Nominal copies and assay of every curve of a set of replicates."""
    if held.name == "vermeulen2":
        copies = [float(column.split("STD_")[1].split(".")[0]) for column in held.columns]
        return np.array(copies), np.array([gene_of(target) for _, _, target in held.curves.wells])
    relabelled = {"F15": 15_000.0, "F150": 1_500.0, "F1500": 150.0, "F15000": 15.0}
    copies = [relabelled.get(column.split("_")[0], 150_000.0) for column in held.columns]
    return np.array(copies), np.full(len(copies), held.name)


def _about_replicates(value: Floats, assay: NDArray[np.str_]) -> float:
    """Robust standard deviation of wells about the middle of their replicates, the freedom of the middle given back."""
    away = []
    for name in np.unique(assay):
        own = value[(assay == name) & np.isfinite(value)]
        if len(own) > 1:
            middle = own.mean() if len(own) < FEW_REPLICATES else np.median(own)
            away.append((own - middle) * (len(own) / (len(own) - 1)) ** 0.5)
    return float(1.4826 * np.median(np.abs(np.concatenate(away))))


def error_figures() -> list[Figure]:
    """Standard errors by level beside the spread of replicates, in cycles.

    The standard error of a curve speaks of its fluorescence alone. Replicates differ by pipetting and by the count of
    their molecules too: the ratio to their spread, Poisson counting taken off, is below 1, and the rest is the technical
    error of wells. In the difference of two cycles of one well both cancel: its spread, beside the root of the sum of
    both squared standard errors (their correlation neglected), judges the fluorescence alone; real differences in the
    shape of curves stay in it. Labels of dil4reps94 corrected, reps384 is 150,000 copies.
    """
    found = []
    for name in ("vermeulen2", "dil4reps94", "reps384"):
        held = curve_set(name)
        got = read_curves(held.curves)
        copies, assay = _levels(held)
        kept = assay != "ALUsq"
        for level in np.unique(copies).tolist():
            rows = kept & (copies == level)
            counting = (CYCLES_A_TENFOLD**2 * log_count_moments(np.array([level]))[1][0]) ** 0.5
            parts = []
            for label, value, error in (
                ("Cq", got.cq, got.cq_se),
                ("cpD2", got.second_derivative_cq, got.second_derivative_se),
                ("Cy0", got.tangent_cq, got.tangent_se),
                ("TD0", got.third_derivative_cq, got.third_derivative_se),
                ("early share", got.early_share_cq, got.early_share_se),
            ):
                spread = _about_replicates(value[rows], assay[rows])
                stated = float(np.nanmedian(error[rows]))
                beyond = max(spread**2 - counting**2, 0.0) ** 0.5
                technical = max(beyond**2 - stated**2, 0.0) ** 0.5
                ratio = f"{stated / beyond:.2f}" if beyond > 0 else "-"
                parts.append(f"{label} {stated:.3f}/{spread:.3f} = {ratio} (rest {technical:.3f})")
            label = f"SE / replicate sd less counting ({counting:.3f}), {name} {level:g} copies"
            found.append(Figure(label, ", ".join(parts)))
            for pair, first, first_se, second, second_se in (
                ("Cq less cpD2", got.cq, got.cq_se, got.second_derivative_cq, got.second_derivative_se),
                (
                    "TD0 less share",
                    got.third_derivative_cq,
                    got.third_derivative_se,
                    got.share_cq,
                    got.share_se,
                ),
            ):
                apart = _about_replicates((first - second)[rows], assay[rows])
                both = float(np.nanmedian(np.hypot(first_se, second_se)[rows]))
                label = f"SE of {pair} of one well / its replicate sd, {name} {level:g} copies"
                found.append(Figure(label, f"{both:.3f}/{apart:.3f} = {both / apart:.2f}"))
    return found


def figures() -> list[Figure]:
    """Figures of this part."""
    return [*sigmoid_figures(), *call_figures(), *error_figures()]
