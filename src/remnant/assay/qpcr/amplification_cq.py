"""Our Cq beside the instrument's, or in its place.

Two ways of reading a curve differ by a constant that a standard curve takes up. So a difference is judged after
the usual one (the median) of the same run and target is taken off.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Final, Literal, NamedTuple

from remnant.knowledge.qpcr_curves import AmplificationRules, amplification_rules
from remnant.records.amplification import CurveResult
from remnant.records.finding import Finding
from remnant.records.run import Well

__all__ = ["Disagreement", "cq_findings", "disagreements", "usual_differences", "with_our_cq"]

Place = tuple[str, str, str]
Apart = Literal["doubtful", "call", "cq"]


class Disagreement(NamedTuple):
    """A well whose curve is doubtful, or says something else than the instrument.

    Attributes
    ----------
    kind : {"doubtful", "call", "cq"}
        A curve that could not be called; one of the two sees amplification and the other does not; two Cq apart.
    well : Well
        With the instrument's Cq.
    result : CurveResult
        Its curve.
    usual_cycles : float
        Usual difference of the run and target.
    away_cycles : float or None
        Our Cq less the instrument's less the usual difference; None unless two Cq are apart.
    """

    kind: Apart
    well: Well
    result: CurveResult
    usual_cycles: float
    away_cycles: float | None = None


def with_our_cq(
    wells: Sequence[Well], results: Sequence[CurveResult]
) -> tuple[tuple[Well, ...], tuple[Finding, ...]]:
    """Wells with the Cq of their own curves instead of the instrument's.

    A run without any curve keeps the instrument's Cq, with a finding. In a run with curves, a well without
    one has no Cq, because two kinds of Cq on one standard curve would be wrong; a doubtful curve leaves its
    well out, with the reason.

    Parameters
    ----------
    wells : sequence of Well
        As the instrument stored them.
    results : sequence of CurveResult
        Their curves, read by us.

    Returns
    -------
    wells : tuple of Well
        In the same order.
    findings : tuple of Finding
        One a run: what could not be replaced.

    Examples
    --------
    >>> with_our_cq([], [])
    ((), ())
    """
    by_place = _places(results)
    with_curves = {run for run, _, _ in by_place}
    made = tuple(
        _replaced(well, by_place.get((well.run_id, well.position, well.target)))
        if well.run_id in with_curves
        else well
        for well in wells
    )
    return made, tuple(_left_as_they_were(wells, by_place, with_curves))


def _places(results: Sequence[CurveResult]) -> dict[Place, CurveResult]:
    return {(one.run_id, one.position, one.target): one for one in results}


def _replaced(well: Well, result: CurveResult | None) -> Well:
    if result is None:
        return replace(well, detected=None, cq=None)
    if result.call == "not amplified":
        return replace(well, detected=False, cq=None)
    if result.call == "doubtful" or result.cq is None:
        reason = result.reason or "its Cq could not be read"
        return replace(well, detected=None, cq=None, excluded=well.excluded or f"doubtful curve: {reason}")
    return replace(well, detected=True, cq=result.cq)


def _left_as_they_were(
    wells: Sequence[Well], by_place: Mapping[Place, CurveResult], with_curves: set[str]
) -> Iterator[Finding]:
    without = Counter(well.run_id for well in wells if well.run_id not in with_curves)
    bare = Counter(
        well.run_id
        for well in wells
        if well.run_id in with_curves and (well.run_id, well.position, well.target) not in by_place
    )
    for run, count in without.items():
        yield Finding(
            code="curve.none_in_run",
            severity="warning",
            subject=f"run {run}",
            message=f"The run has no amplification curves: its {count} wells keep the instrument's Cq.",
            advice="Import the instrument's file with the curves.",
        )
    for run, count in bare.items():
        yield Finding(
            code="curve.none_in_well",
            severity="warning",
            subject=f"run {run}",
            message=f"{count} wells of the run have no amplification curve and so no Cq.",
            advice="Export the run with all its curves.",
        )


def usual_differences(wells: Sequence[Well], results: Sequence[CurveResult]) -> dict[tuple[str, str], float]:
    """Median of our Cq less the instrument's, by run and target.

    Parameters
    ----------
    wells : sequence of Well
        With the instrument's Cq.
    results : sequence of CurveResult
        Their curves, read by us.

    Returns
    -------
    dict of (str, str) to float
        Cycles, where at least one well has both.
    """
    by_place = _places(results)
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for well in wells:
        result = by_place.get((well.run_id, well.position, well.target))
        if result is not None and result.cq is not None and well.cq is not None:
            found[well.run_id, well.target].append(result.cq - well.cq)
    return {key: median(values) for key, values in found.items()}


def disagreements(
    wells: Sequence[Well], results: Sequence[CurveResult], *, rules: AmplificationRules | None = None
) -> tuple[Disagreement, ...]:
    """Wells to look at: doubtful curves, and curves that say something else than the instrument.

    Parameters
    ----------
    wells : sequence of Well
        With the instrument's Cq; those left out by the laboratory are not judged.
    results : sequence of CurveResult
        Their curves, read by us.
    rules : AmplificationRules or None, default None
        Bounds; None takes the table that ships.

    Returns
    -------
    tuple of Disagreement
        In the order of the wells.

    Examples
    --------
    >>> disagreements([], [])
    ()
    """
    bound = (rules or amplification_rules()).cq_difference
    by_place, usual = _places(results), usual_differences(wells, results)
    found = (
        _disagreement(well, by_place[place], usual=usual.get((well.run_id, well.target), 0.0), bound=bound)
        for well in wells
        if (place := (well.run_id, well.position, well.target)) in by_place and well.excluded is None
    )
    return tuple(one for one in found if one is not None)


def _disagreement(well: Well, result: CurveResult, *, usual: float, bound: float) -> Disagreement | None:
    if result.call == "doubtful":
        return Disagreement("doubtful", well, result, usual)
    if well.detected is not None and well.detected != (result.call == "amplified"):
        return Disagreement("call", well, result, usual)
    if result.cq is None or well.cq is None or abs(result.cq - well.cq - usual) <= bound:
        return None
    return Disagreement("cq", well, result, usual, result.cq - well.cq - usual)


def cq_findings(
    apart: Sequence[Disagreement], *, rules: AmplificationRules | None = None
) -> tuple[Finding, ...]:
    """Findings on wells to look at.

    Parameters
    ----------
    apart : sequence of Disagreement
        Wells whose curve is doubtful, or says something else than the instrument.
    rules : AmplificationRules or None, default None
        Bounds that they are beyond; None takes the table that ships.

    Returns
    -------
    tuple of Finding
        ``curve.cq_differs`` where the difference from the usual one of the run and target is beyond the rule,
        ``curve.call_differs`` where one sees amplification and the other does not, ``curve.doubtful``.

    Examples
    --------
    >>> cq_findings([])
    ()
    """
    bound = (rules or amplification_rules()).cq_difference
    return tuple(_FINDINGS[one.kind](one, bound) for one in apart)


def _subject(well: Well) -> str:
    return f"well {well.run_id}:{well.position}"


def _doubtful(one: Disagreement, _bound: float) -> Finding:
    return Finding(
        code="curve.doubtful",
        severity="note",
        subject=_subject(one.well),
        message=f"The amplification curve of {one.well.target} is doubtful: {one.result.reason}.",
        advice="Look at the curve.",
    )


def _call_differs(one: Disagreement, _bound: float) -> Finding:
    well, result = one.well, one.result
    seen = "a Cq" if well.detected else "none"
    why = f" ({result.reason})" if result.reason else ""
    return Finding(
        code="curve.call_differs",
        severity="warning",
        subject=_subject(well),
        message=f"The instrument gives {well.target} {seen}; its curve is {result.call}{why}.",
        found=f"instrument: {seen}; curve: {result.call}",
        advice="Look at the curve and at the threshold.",
    )


def _cq_differs(one: Disagreement, bound: float) -> Finding:
    return Finding(
        code="curve.cq_differs",
        severity="warning",
        subject=_subject(one.well),
        message=f"The Cq of {one.well.target} read from the curve is {one.away_cycles:+.2f} cycles off the instrument's, the usual difference of the run taken off.",
        found=f"instrument {one.well.cq:.2f}, curve {one.result.cq:.2f}, usual difference {one.usual_cycles:+.2f}",
        needed=f"within {bound:g} cycles",
        advice="Look at the curve, its baseline and the threshold.",
    )


_FINDINGS: Final[Mapping[Apart, Callable[[Disagreement, float], Finding]]] = {
    "doubtful": _doubtful,
    "call": _call_differs,
    "cq": _cq_differs,
}
