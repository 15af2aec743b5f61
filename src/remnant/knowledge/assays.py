"""Assays that ship with remnant, and how laboratories spell their genes."""

from __future__ import annotations

import functools
from typing import Any

from remnant.errors import KnowledgeError
from remnant.knowledge.tables import rows
from remnant.records.run import Assay

__all__ = ["control_amplifies_target", "default_assays", "gene_symbol"]


def _of_kind(kind: str) -> list[dict[str, Any]]:
    return [row for row in rows("assays") if row["kind"] == kind]


@functools.cache
def default_assays() -> tuple[Assay, ...]:
    """Assays of the table, in its order.

    Returns
    -------
    tuple of Assay
        A study may add to them or replace them by the same ``assay_id``.

    Raises
    ------
    KnowledgeError
        If two rows have the same target and control.

    Examples
    --------
    >>> [assay.unit for assay in default_assays() if assay.assay_id in {"WT1/ABL1", "BAALC/ABL1"}]
    ['per_1e4', 'percent']
    """
    assays = tuple(
        Assay(
            assay_id=row["id"],
            target=row["target"],
            control=row["control"],
            background=row["background"],
            unit=row["unit"],
        )
        for row in _of_kind("assay")
    )
    if len({(assay.target, assay.control) for assay in assays}) < len(assays):
        raise KnowledgeError(
            where="knowledge/assays.toml",
            found="two assays with one target and control",
            needed="one each",
            advice="Mend the table.",
        )
    return assays


@functools.cache
def _symbols() -> dict[str, str]:
    return {spelling.upper(): row["target"] for row in _of_kind("spelling") for spelling in row["spellings"]}


def gene_symbol(written: str) -> str:
    """Symbol of a target as a plate writes it.

    Parameters
    ----------
    written : str
        For example ``"ABL"`` or ``"bcr::abl1"``.

    Returns
    -------
    str
        The symbol that assays use; the text itself, stripped, where the table does not know it.

    Examples
    --------
    >>> gene_symbol("abl"), gene_symbol("BCR/ABL"), gene_symbol("AHCY")
    ('ABL1', 'BCR-ABL1', 'AHCY')
    """
    text = written.strip()
    return _symbols().get(text.upper(), text)


def control_amplifies_target(assay: Assay) -> bool:
    """Whether the control assay also amplifies the target, so that a high ratio saturates.

    Parameters
    ----------
    assay : Assay
        Assay; looked up by target and control.

    Returns
    -------
    bool
        True for a fusion over the gene it contains, such as BCR-ABL1 over ABL1.
    """
    return any(
        row.get("control_amplifies_target", False)
        for row in _of_kind("assay")
        if (row["target"], row["control"]) == (assay.target, assay.control)
    )
