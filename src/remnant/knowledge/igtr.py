"""Assumptions behind the evidence of an IG/TR assay, and the profiles of its interpretation.

The spread of wells and dilutions is that of any well, `remnant.knowledge.qpcr.well_assumptions`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final, Literal, get_args

from remnant.knowledge import tables

__all__ = ["PROFILES", "RULE_SET", "IgTrAssumptions", "Profile", "igtr_assumptions"]

Profile = Literal["avoid false negative", "avoid false positive"]
PROFILES: Final[tuple[str, ...]] = get_args(Profile)
RULE_SET: Final = "euromrd_igtr"
"""Set whose rows of kind interpretation read a plate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IgTrAssumptions:
    """Rows of ``igtr.toml``.

    Attributes
    ----------
    dna_ng_per_cell : float
        DNA of a cell, nanograms.
    input_sd_log10 : float
        Error of the DNA of a sample.
    background_sd_log10 : float
        Spread of background between wells, where fewer than two amplified.
    background_least_wells : float
        Wells added to both sides of the share of background wells that amplify.
    profile : Profile
        Profile that makes the state where a study names none.
    """

    dna_ng_per_cell: float
    input_sd_log10: float
    background_sd_log10: float
    background_least_wells: float
    profile: Profile


@functools.cache
def igtr_assumptions() -> IgTrAssumptions:
    """Assumptions that ship with remnant.

    Returns
    -------
    IgTrAssumptions
        Rows as written.

    Examples
    --------
    >>> round(600 / igtr_assumptions().dna_ng_per_cell)
    90909
    """
    rows = {row["id"]: row for row in tables.rows("igtr")}
    return IgTrAssumptions(
        dna_ng_per_cell=rows["cell_dna"]["dna_ng_per_cell"],
        input_sd_log10=rows["dna_input"]["sd_log10"],
        background_sd_log10=rows["background"]["sd_log10"],
        background_least_wells=rows["background"]["least_wells"],
        profile=rows["profile"]["deciding"],
    )
