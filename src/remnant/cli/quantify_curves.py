"""Standard curves and amplification curves of one real-time PCR file, as people read them.

A run that is the only one of its file is named once, in front. Wells of which the same is to be said stand in one line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from rich.console import RenderableType
from rich.padding import Padding

from remnant.assay.qpcr.amplification_cq import Disagreement
from remnant.cli.printed import listed
from remnant.knowledge.qpcr_curves import amplification_rules
from remnant.records.amplification import CURVE_CALLS, CurveResults
from remnant.records.finding import Finding
from remnant.records.measurement import CurveFit
from remnant.records.run import Well
from remnant.report.numbers import plural
from remnant.units import number_text

__all__ = ["NoCurve", "names", "run_heading", "runs_apart", "shown_fits", "shown_readings", "without_curve"]

_NAMES: Final = 12
_LINES: Final = 12


class NoCurve(NamedTuple):
    """A target without a standard curve.

    Attributes
    ----------
    run_id, target : str
        Which.
    reason : str
        What the wells of the file hold instead of standards at two levels.
    """

    run_id: str
    target: str
    reason: str


def runs_apart(wells: Iterable[Well]) -> bool:
    """Whether the wells are of more than one run, so that each line must name its own.

    Parameters
    ----------
    wells : iterable of Well
        Wells of a file.

    Returns
    -------
    bool
        False for one run.
    """
    return len({well.run_id for well in wells}) > 1


def run_heading(wells: Sequence[Well]) -> tuple[RenderableType, ...]:
    """The run and its wells, in a line.

    Parameters
    ----------
    wells : sequence of Well
        Wells of a file.

    Returns
    -------
    tuple of renderable
        One sentence: runs, and wells by what they hold.
    """
    runs = list(dict.fromkeys(well.run_id for well in wells))
    if not runs:
        return ()
    kinds = Counter(well.kind for well in wells)
    amounts = [str(count) for count in kinds.values()]
    amounts[0] = plural(next(iter(kinds.values())), "well")
    held = ", ".join(f"{amount} {_KINDS[kind]}" for amount, kind in zip(amounts, kinds, strict=True))
    out = sum(well.excluded is not None for well in wells)
    left = f"; {out} left out by the laboratory or its instrument" if out else ""
    said = f"Run {runs[0]}" if len(runs) == 1 else f"{len(runs)} runs ({names(runs)})"
    return (f"{said}: {held}{left}.", "")


_KINDS: Final = {
    "unknown": "of samples",
    "standard": "of standards",
    "ntc": "without template",
    "no_rt": "without reverse transcription",
    "negative_control": "of negative controls",
    "positive_control": "of positive controls",
    "calibrator": "of calibrators",
}


def names(held: Sequence[str], most: int = _NAMES) -> str:
    """Names in a row, and how many more there are.

    Parameters
    ----------
    held : sequence of str
        Names.
    most : int, default 12
        How many are written out.

    Returns
    -------
    str
        Joined by commas.

    Examples
    --------
    >>> names(["A01", "A02", "A03"], 2)
    'A01, A02 and 1 more'
    """
    more = f" and {len(held) - most} more" if len(held) > most else ""
    return ", ".join(held[:most]) + more


def without_curve(
    wells: Iterable[Well], fits: Iterable[CurveFit], *, with_curves: bool
) -> tuple[NoCurve, ...]:
    """Targets without a standard curve, each with what is missing.

    Parameters
    ----------
    wells : iterable of Well
        Wells of a file, with the Cq that is quantified.
    fits : iterable of CurveFit
        Its standard curves.
    with_curves : bool
        Whether a Cq could be read from amplification curves instead.

    Returns
    -------
    tuple of NoCurve
        By run and target, in the order of the wells.

    Examples
    --------
    >>> well = Well(run_id="R-01", position="A01", target="WT1", sample="S-014", kind="unknown", detected=True, cq=31.0)
    >>> without_curve([well], [], with_curves=False)
    (NoCurve(run_id='R-01', target='WT1', reason='no well is a standard'),)
    """
    have = {(fit.run_id, fit.target) for fit in fits}
    held: dict[tuple[str, str], list[Well]] = defaultdict(list)
    for well in wells:
        held[well.run_id, well.target].append(well)
    return tuple(
        NoCurve(run, target, _lacks(group, with_curves=with_curves))
        for (run, target), group in held.items()
        if (run, target) not in have
    )


def _lacks(wells: Sequence[Well], *, with_curves: bool) -> str:
    standards = [well for well in wells if well.kind == "standard"]
    if not standards:
        return "no well is a standard"
    with_copies = [well for well in standards if well.standard_copies is not None]
    counted = f"{len(standards)} wells of standards" if len(standards) > 1 else "1 well of a standard"
    if not with_copies:
        return f"{counted} without their copies"
    usable = [well for well in with_copies if well.cq is not None and well.excluded is None]
    levels = sorted({well.standard_copies or 0.0 for well in usable})
    if levels:
        return f"standards with a Cq at one level only, {number_text(levels[0])} copies"
    if all(well.detected is None for well in with_copies):
        reads = "; `--cq ours` reads it from the amplification curves" if with_curves else ""
        return f"{counted} without a Cq{reads}"
    return f"{counted}, none amplified"


def shown_fits(
    fits: Sequence[CurveFit], lacking: Sequence[NoCurve], *, apart: bool
) -> tuple[RenderableType, ...]:
    """Standard curves with their verdicts, and the targets that have none.

    Parameters
    ----------
    fits : sequence of CurveFit
        Standard curves.
    lacking : sequence of NoCurve
        Targets without.
    apart : bool
        Whether runs are named.

    Returns
    -------
    tuple of renderable
        Table and sentences.
    """
    shown: list[RenderableType] = []
    if fits:
        rows = (
            (
                fit.run_id if apart else "",
                fit.target,
                f"{fit.slope:.3f}",
                f"{fit.r_squared:.4f}",
                f"{100 * fit.efficiency:.1f}",
                fit.wells,
                fit.verdict,
                "; ".join(fit.reasons),
            )
            for fit in fits
        )
        columns = ("run", "target", "slope", "R²", "efficiency %", "wells", "verdict", "reasons")
        passed = sum(fit.verdict == "pass" for fit in fits)
        shown += [
            listed(columns, rows, right=("slope", "R²", "efficiency %", "wells")),
            "",
            f"{passed} of {len(fits)} standard curves pass the gates of {fits[0].rule_id}.",
        ]
    reasons: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for one in lacking:
        same = {other.reason for other in lacking if other.target == one.target}
        run = "" if len(same) == 1 and one.target not in {fit.target for fit in fits} else one.run_id
        reasons[one.reason, run][one.target] = None
    shown += [
        f"No standard curve of {names(list(held))}{f' on run {run}' if apart and run else ''}: {reason}."
        for (reason, run), held in reasons.items()
    ]
    return tuple(shown)


def shown_readings(
    plates: CurveResults, wells: Sequence[Disagreement], said: Sequence[Finding], *, apart: bool
) -> tuple[RenderableType, ...]:
    """The amplification curves in a line, and the wells to look at; every curve is in the JSON document.

    Parameters
    ----------
    plates : CurveResults
        Curves, read by us.
    wells : sequence of Disagreement
        Wells to look at.
    said : sequence of Finding
        What was said where our Cq stands in the place of the instrument's.
    apart : bool
        Whether runs are named.

    Returns
    -------
    tuple of renderable
        Empty without curves.
    """
    if not len(plates):
        return ()
    counts = Counter(plates.call)
    calls = ", ".join(f"{counts[call]} {call}" for call in CURVE_CALLS)
    notes = [one.message for one in said]
    return (
        "",
        f"{plural(len(plates), 'amplification curve')}: {calls}.",
        *_look_at(wells, apart=apart),
        *notes,
    )


def _look_at(wells: Sequence[Disagreement], *, apart: bool) -> Iterator[RenderableType]:
    bound = amplification_rules().cq_difference
    sentences = {
        ("call", True): "The instrument gives a Cq and the curve is not amplified",
        ("call", False): "The instrument gives no Cq and the curve is amplified",
        (
            "cq",
            None,
        ): f"Our Cq lies more than {bound:g} cycles off the instrument's, the usual difference taken off",
        ("doubtful", None): "The curve is doubtful",
    }
    for (kind, seen), sentence in sentences.items():
        held = [one for one in wells if one.kind == kind and seen in {None, one.well.detected}]
        if held:
            yield f"{sentence}, in {len(held)} {'wells' if len(held) > 1 else 'well'}:"
            yield from (Padding(line, (0, 0, 0, 2)) for line in _by_target(held, apart=apart))


def _by_target(held: Sequence[Disagreement], *, apart: bool) -> list[str]:
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in held:
        why = "" if one.kind == "cq" else one.result.reason
        away = "" if one.away_cycles is None else f" {one.away_cycles:+.2f}"
        groups[one.well.run_id, one.well.target, why].append(one.well.position + away)
    lines = [
        f"{target}{f' (run {run})' if apart else ''}: {names(places)}{f' ({why})' if why else ''}"
        for (run, target, why), places in groups.items()
    ]
    more = len(lines) - _LINES
    return [*lines[:_LINES], *([f"and {more} more targets; --json has every well"] if more > 0 else [])]
