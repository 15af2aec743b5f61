"""The score of Cross 2015, as the paper writes it: sums over replicates, faint ones as three copies.

It is the rule's own arithmetic and stands beside the evidence; nothing else is computed from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remnant.errors import KnowledgeError
from remnant.knowledge.rules import RuleRow

__all__ = ["CrossScore", "cross_score", "response_class"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossScore:
    """Sums of one sample.

    Attributes
    ----------
    target_copies, control_copies : float
        Scored target copies and control copies, summed over replicates.
    detected : bool
        Whether any replicate was detected.
    percent_is : float or None
        Percent on the International Scale; None without control copies.
    too_few : tuple of float
        Replicates of the control gene below the number that each must reach.
    """

    target_copies: float
    control_copies: float
    detected: bool
    percent_is: float | None
    too_few: tuple[float, ...]


def cross_score(
    target: Sequence[float | None],
    control: Sequence[float],
    *,
    gene: str,
    factor: float,
    rows: Sequence[RuleRow],
    total: float | None = None,
) -> CrossScore:
    """Score the replicates of one sample.

    Parameters
    ----------
    target : sequence of float or None
        Estimated copies of each replicate; None where nothing was detected.
    control : sequence of float
        Copies of the control gene in each replicate.
    gene : str
        Control gene.
    factor : float
        Conversion factor of the run date.
    rows : sequence of RuleRow
        Rows of kind ``score``.
    total : float or None, default None
        Copies of the control gene in as much cDNA as was tested for the target, where that is known; None takes the
        sum of the replicates, which holds for as many of one volume.

    Returns
    -------
    CrossScore
        A replicate below the faint limit is scored as the limit, an undetected one as 0.

    Raises
    ------
    KnowledgeError
        If the rows say nothing of this control gene.

    References
    ----------
    Cross et al., Leukemia 29, 999-1003 (2015), recommendations for scoring; Table 1 counts control copies "in same
    volume of cDNA that is tested for BCR-ABL1" (general knowledge).

    Examples
    --------
    >>> from remnant.knowledge.rules_files import rule_book
    >>> rows = [row for row in rule_book().named("cml_is").rows if row.kind == "score"]
    >>> score = cross_score([None, 1.2], [20_000, 30_000], gene="ABL1", factor=0.8, rows=rows)
    >>> score.target_copies, score.control_copies, round(score.percent_is, 6)
    (3.0, 50000.0, 0.0048)
    """
    faint = next((r.threshold for r in rows if r.label == "score of a faint replicate"), None)
    each = next((r.threshold for r in rows if r.control == gene and r.unit == "control_copies"), None)
    if faint is None or each is None:
        raise KnowledgeError(
            where="rows of kind score",
            found=f"none for {gene}",
            needed="the faint score and the copies of each replicate",
            advice="Add the rows to the rule set.",
        )
    copies = sum(0.0 if one is None else max(float(one), faint) for one in target)
    total = float(sum(control)) if total is None else total
    return CrossScore(
        target_copies=copies,
        control_copies=total,
        detected=any(one is not None for one in target),
        percent_is=copies / total * 100.0 * factor if total > 0 else None,
        too_few=tuple(float(one) for one in control if one < each),
    )


def response_class(
    percent_is: float | None, control_copies: float, *, gene: str, rows: Sequence[RuleRow]
) -> RuleRow | None:
    """Deepest class that holds by level and by control copies.

    Parameters
    ----------
    percent_is : float or None
        Level; None where nothing was detected: then the copies alone decide.
    control_copies : float
        Control copies in sum.
    gene : str
        Control gene.
    rows : sequence of RuleRow
        Rows of kind ``response``.

    Returns
    -------
    RuleRow or None
        Row of the class; None where none holds.

    Examples
    --------
    >>> from remnant.knowledge.rules_files import rule_book
    >>> rows = [row for row in rule_book().named("cml_is").rows if row.kind == "response"]
    >>> response_class(0.002, 20_000, gene="ABL1", rows=rows).label, response_class(None, 40_000, gene="ABL1", rows=rows).label
    ('MR4', 'MR4.5')
    """
    met = [
        row
        for row in rows
        if row.control == gene
        and row.threshold is not None
        and (percent_is is None or row.holds(percent_is))
        and control_copies >= (row.control_copies or 0.0)
    ]
    return min(met, key=lambda row: row.threshold or 0.0, default=None)
