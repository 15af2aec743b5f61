"""Rows of ``cautions.toml``: which variants and samples lower trust."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Literal

from remnant.errors import KnowledgeError
from remnant.knowledge import tables

__all__ = ["CautionRule", "caution_rules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CautionRule:
    """One reason to trust a result less.

    Attributes
    ----------
    id, source, status : str
        Row, citation, status.
    kind : {"primer_bias", "haemodilution"}
        What it is about: a variant of the patient, or a sample.
    spellings : tuple of str
        How a table writes the variant or the quality of the sample.
    meaning, advice : str
        What it means, and what to do.
    target : str
        Marker of a primer bias.
    platforms : tuple of str
        How the marker is measured where primers matter.
    material : str
        Material that can be diluted.
    """

    id: str
    kind: Literal["primer_bias", "haemodilution"]
    spellings: tuple[str, ...]
    meaning: str
    advice: str
    source: str
    status: str
    target: str = ""
    platforms: tuple[str, ...] = ()
    material: str = ""

    def fits(self, written: str) -> bool:
        """Whether a variant or a quality is the one of this row.

        Parameters
        ----------
        written : str
            As the laboratory wrote it.

        Returns
        -------
        bool
            True where a spelling stands in it, in any case.

        Examples
        --------
        >>> [caution_rules()[0].fits(text) for text in ("WT1 Exon 7 mutation", "exon 9 mutation")]
        [True, False]
        """
        text = written.casefold()
        return any(spelling.casefold() in text for spelling in self.spellings)


@functools.cache
def caution_rules() -> tuple[CautionRule, ...]:
    """Rows of the table, in its order.

    Returns
    -------
    tuple of CautionRule
        Those of primers, and that of diluted marrow.

    Raises
    ------
    KnowledgeError
        If a row says nothing that could fit, or names no marker or material.
    """
    found = tuple(_rule(row) for row in tables.rows("cautions"))
    wrong = [
        one.id
        for one in found
        if not one.spellings or not (one.target if one.kind == "primer_bias" else one.material)
    ]
    if wrong:
        raise KnowledgeError(
            where="knowledge/cautions.toml",
            found=f"rows without spellings, marker or material: {', '.join(wrong)}",
            needed="what the row is about",
            advice="Mend the table.",
        )
    return found


def _rule(row: dict[str, Any]) -> CautionRule:
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
    }
    return CautionRule(**fields)
