"""The instruments whose exports are pages of rows, in the order in which they are asked.

Each tells by the first rows of a file, never by its name, whether it wrote it. Experiment documents (`.eds`)
are recognised by the members of their zip file, XML of CFX by its root.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from remnant.acquire import cfx, lightcycler, mxpro, quantstudio, rdes, rotor_gene
from remnant.acquire.instrument import InstrumentContent
from remnant.acquire.instrument_reading import Reading
from remnant.acquire.pages import Page
from remnant.acquire.sheet import Row

__all__ = ["CFX", "INSTRUMENTS", "Instrument", "instrument_of"]


@dataclass(frozen=True, slots=True)
class Instrument:
    """One format of pages.

    Attributes
    ----------
    name : str
        Name in the record of the file.
    recognises : callable
        Whether the first rows of the pages are of this format.
    read : callable
        Records from a `Reading` and the pages.
    """

    name: str
    recognises: Callable[[Sequence[Sequence[Row]]], bool]
    read: Callable[[Reading, Sequence[Page]], InstrumentContent]


CFX: Final = Instrument(cfx.FORMAT, cfx.recognises, cfx.read)
INSTRUMENTS: Final = (
    Instrument(quantstudio.FORMAT, quantstudio.recognises, quantstudio.read),
    CFX,
    Instrument(lightcycler.FORMAT, lightcycler.recognises, lightcycler.read),
    Instrument(rotor_gene.FORMAT, rotor_gene.recognises, rotor_gene.read),
    Instrument(mxpro.FORMAT, mxpro.recognises, mxpro.read),
    Instrument(rdes.FORMAT, rdes.recognises, rdes.read),
)


def instrument_of(heads: Sequence[Sequence[Row]]) -> Instrument | None:
    """Instrument that wrote a file.

    Parameters
    ----------
    heads : sequence of sequence of Row
        First rows of each page.

    Returns
    -------
    Instrument or None
        None if it is no export that is known.

    Examples
    --------
    >>> found = instrument_of([[(1, ["", "Well", "Fluor", "Target", "Content", "Cq"])]])
    >>> found.name if found else None
    'cfx'
    """
    return next((one for one in INSTRUMENTS if one.recognises(heads)), None)
