"""Identifiers of rows and rules as words: genes, antigens and names of groups keep their own spelling."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = ["spelt"]

_OWN: Final = MappingProxyType(
    {
        "abl1": "ABL1",
        "all": "ALL",
        "aml": "AML",
        "baalc": "BAALC",
        "bm": "BM",
        "dfish": "D-FISH",
        "eac": "EAC",
        "eln": "ELN",
        "es": "ES",
        "euroflow": "EuroFlow",
        "euromrd": "EuroMRD",
        "gusb": "GUSB",
        "hovon": "HOVON",
        "lsc": "LSC",
        "mrd": "MRD",
        "pb": "PB",
        "ph": "Ph",
        "poisson": "Poisson",
        "sd": "SD",
        "wt1": "WT1",
    }
)


def spelt(identifier: str) -> str:
    """Identifier of a row as words.

    Parameters
    ----------
    identifier : str
        For example ``"prior_wt1_bm"``.

    Returns
    -------
    str
        Underscores as spaces, a point as a colon, names in their own spelling.

    Examples
    --------
    >>> spelt("prior_wt1_bm"), spelt("cd34_positive"), spelt("euroflow_all"), spelt("age_group.adult")
    ('prior WT1 BM', 'CD34 positive', 'EuroFlow ALL', 'age group: adult')
    """
    words = identifier.replace(".", ": ").replace("_", " ").split(" ")
    return " ".join(
        _OWN.get(word, word.upper() if word[:2] == "cd" and word[2:3].isdigit() else word) for word in words
    )
