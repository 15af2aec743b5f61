"""Rules of clonotypes: which clones are followed, when they are quantified, and when they return."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from remnant.errors import KnowledgeError
from remnant.knowledge import tables

__all__ = ["ClonotypeRules", "clonotype_rules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClonotypeRules:
    """Rows of ``clonotypes.toml`` as the assay uses them.

    Attributes
    ----------
    background_share, dispersion : float
        Blank level as a share of reads, and variance beyond Poisson.
    quantified_reads : int
        Reads below which a clone is detected and not quantified.
    quantified_share : float
        The same as a share of analysed reads.
    index_locus_share : float
        Share of the reads of its gene system from which a clone of the diagnosis sample is dominant.
    index_per_locus : int
        Dominant clones of a gene system that are followed as series.
    minor_share : float
        Share of analysed reads from which another clone of the diagnosis sample is watched.
    returns_times_diagnosis : float
        Multiple of its diagnosis share at which a clone that was not detected has returned.
    returns_probability : float
        P(above its diagnosis share) from which that verdict is robust.
    version : str
        Version of the table.
    status : str
        Of the row that decides whether a clone returned.
    """

    background_share: float
    dispersion: float
    quantified_reads: int
    quantified_share: float
    index_locus_share: float
    index_per_locus: int
    minor_share: float
    returns_times_diagnosis: float
    returns_probability: float
    version: str
    status: str


@functools.cache
def clonotype_rules() -> ClonotypeRules:
    """Rules that ship with remnant.

    Returns
    -------
    ClonotypeRules
        A study changes them with `dataclasses.replace`.

    Raises
    ------
    KnowledgeError
        If a row is missing, or the denominator is one that is not computed.

    Examples
    --------
    >>> clonotype_rules().index_locus_share
    0.05
    """
    rows = {row["id"]: row for row in tables.rows("clonotypes")}
    missing = sorted({"counting", "quantified", "index", "minor", "returns"} - rows.keys())
    if missing or rows["counting"]["denominator"] != "analysed":
        raise KnowledgeError(
            where="knowledge/clonotypes.toml",
            found=f"no row {', '.join(missing)}" if missing else rows["counting"]["denominator"],
            needed="counting, quantified, index, minor, returns; denominator analysed",
            advice="Mend the table.",
        )
    return ClonotypeRules(
        background_share=rows["counting"]["background_share"],
        dispersion=rows["counting"]["dispersion"],
        quantified_reads=rows["quantified"]["at_least_reads"],
        quantified_share=rows["quantified"]["at_least_share"],
        index_locus_share=rows["index"]["at_least_locus_share"],
        index_per_locus=rows["index"]["most_per_locus"],
        minor_share=rows["minor"]["at_least_share"],
        returns_times_diagnosis=rows["returns"]["at_least_times_diagnosis"],
        returns_probability=rows["returns"]["probability_above"],
        version=tables.version("clonotypes"),
        status=rows["returns"]["status"],
    )
