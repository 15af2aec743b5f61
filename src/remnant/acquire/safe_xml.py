"""XML of a stranger: no document types, no entities, no network, and no tree that outgrows memory."""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from remnant.acquire.limits import size
from remnant.acquire.refusal import RefusedFileError
from remnant.records.finding import Problem

__all__ = ["Listener", "parse", "walk"]

_PIECE_BYTES: Final = 1 << 20
_DECLARED: Final = (b"<!DOCTYPE", b"<!ENTITY")
_MANY_ATTRIBUTES: Final = re.compile(rb"""<[^<>"'!?/][^<>"']*+(?:(?:"[^"]*+"|'[^']*+')[^<>"']*+){200}""")


def _refused(file: str, code: str, value: str, advice: str) -> RefusedFileError:
    problem = Problem(
        code=code,
        file=file,
        value=value,
        expected="well-formed XML in UTF-8 without document type",
        advice=advice,
    )
    return RefusedFileError(file, [problem])


def _refused_type(file: str) -> RefusedFileError:
    return _refused(
        file,
        "xml.document_type",
        "a document type or entities",
        "No instrument writes one; do not open this file elsewhere.",
    )


def _deepest(data: bytes) -> int:
    """Open elements at the end of each piece, at most; counted in the bytes, since the parser does not bound them.

    Brackets inside comments and CDATA count as elements; no document of an instrument has thousands of them.
    """
    deepest = depth = 0
    for place in range(0, len(data), _PIECE_BYTES):
        piece = data[place : place + _PIECE_BYTES]
        others = piece.count(b"<?") + piece.count(b"<!") + piece.count(b"/>")
        depth += piece.count(b"<") - others - 2 * piece.count(b"</")
        deepest = max(deepest, depth)
    return deepest


def _check(file: str, data: bytes) -> None:
    """What can be told from the bytes alone."""
    if b"\0" in data:
        raise _refused(file, "xml.encoding", "a NUL byte", "Export the file again, in UTF-8.")
    if any(mark in data for mark in _DECLARED):
        raise _refused_type(file)
    if (depth := _deepest(data)) > size("xml_depth"):
        raise _refused(
            file, "xml.depth", f"{depth:,} elements inside each other", "No instrument writes them."
        )
    if _MANY_ATTRIBUTES.search(data):
        raise _refused(file, "xml.attributes", "an element with 200 attributes", "No instrument writes one.")


def _broken(file: str, error: Exception) -> RefusedFileError:
    line, column = getattr(error, "position", (0, 0))
    place = f" at line {line}, character {column}" if line else ""
    return _refused(
        file,
        "xml.broken",
        f"XML that cannot be read{place}",
        "Copy or export the file again; it was cut or changed on the way.",
    )


class Listener:
    """Hears the elements of a document one by one; subclasses say what to keep.

    Parameters
    ----------
    file : str
        Name for messages.
    """

    def __init__(self, file: str) -> None:
        self.file = file

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin of an element.

        Parameters
        ----------
        tag : str
            Name with its namespace.
        attributes : dict of str to str
            Its attributes.
        """

    def end(self, tag: str) -> None:
        """End of an element.

        Parameters
        ----------
        tag : str
            Name with its namespace.
        """

    def data(self, text: str) -> None:
        """Text, or a piece of it.

        Parameters
        ----------
        text : str
            Characters between two tags.
        """

    def doctype(self, *_declared: object) -> None:
        """Refuse a document type, in whatever encoding it hides.

        Parameters
        ----------
        *_declared : object
            Name and places of the document type.

        Raises
        ------
        RefusedFileError
            Always.
        """
        raise _refused_type(self.file)

    def close(self) -> None:
        """End of the document."""


def walk(data: bytes, listener: Listener) -> None:
    """Tell a listener every element of a document, without keeping any.

    Parameters
    ----------
    data : bytes
        The document.
    listener : Listener
        Who hears it.

    Raises
    ------
    RefusedFileError
        If it is not well-formed, or declares a document type.
    """
    _check(listener.file, data)
    parser = etree.XMLParser(
        target=listener,  # type: ignore[arg-type]  # the stubs ask for bytes, which no parser sends
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        for place in range(0, len(data), _PIECE_BYTES):
            parser.feed(data[place : place + _PIECE_BYTES])
        parser.close()
    except (etree.LxmlError, LookupError) as error:
        raise _broken(listener.file, error) from error


def parse(file: str, data: bytes) -> etree._Element:
    """Root of a small document.

    Parameters
    ----------
    file : str
        Name for messages.
    data : bytes
        Content.

    Returns
    -------
    lxml.etree._Element
        The root.

    Raises
    ------
    RefusedFileError
        If it is not well-formed, or declares a document type.
    """
    _check(file, data)
    try:
        root = etree.fromstring(
            data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        )
    except (etree.LxmlError, LookupError, ValueError) as error:
        raise _broken(file, error) from error
    if getattr(root.getroottree().docinfo, "doctype", ""):
        raise _refused_type(file)
    return root
