"""XML of a stranger: no document types, no entities, no network, no huge nodes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

from lxml import etree

from remnant.acquire.refusal import RefusedFileError
from remnant.records.finding import Problem

__all__ = ["elements", "parse"]

_DECLARED: Final = b"<!DOCTYPE"
_ENTITY: Final = b"<!ENTITY"


def _refused(file: str, code: str, value: str, advice: str) -> RefusedFileError:
    problem = Problem(
        code=code,
        file=file,
        value=value,
        expected="well-formed XML in UTF-8 without document type",
        advice=advice,
    )
    return RefusedFileError(file, [problem])


def _check(file: str, data: bytes) -> None:
    if b"\0" in data:
        raise _refused(file, "xml.encoding", "a NUL byte", "Export the file again, in UTF-8.")
    if _DECLARED in data or _ENTITY in data:
        raise _refused(
            file,
            "xml.document_type",
            "a document type with entities",
            "No instrument writes one; do not open this file elsewhere.",
        )


def _broken(file: str, error: Exception) -> RefusedFileError:
    return _refused(
        file, "xml.broken", str(error), "Copy or export the file again; it was cut or changed on the way."
    )


def _check_root(file: str, element: etree._Element) -> None:
    """A document type in an encoding that hides it from a search of the bytes."""
    if getattr(element.getroottree().docinfo, "doctype", ""):
        raise _refused(file, "xml.document_type", "a document type", "No instrument writes one.")


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
    _check_root(file, root)
    return root


def elements(file: str, data: bytes, names: tuple[str, ...]) -> Iterator[etree._Element]:
    """Elements of a large document, each when it is complete.

    Parameters
    ----------
    file : str
        Name for messages.
    data : bytes
        Content.
    names : tuple of str
        Local names; the namespace does not count.

    Yields
    ------
    lxml.etree._Element
        Elements in the order of their ends; the caller may clear one to free its memory.

    Raises
    ------
    RefusedFileError
        If it is not well-formed, or declares a document type.
    """
    _check(file, data)
    try:
        walk = etree.iterparse(
            io.BytesIO(data),
            events=("end",),
            tag=[f"{{*}}{name}" for name in names],
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
        )
        for _, element in walk:
            _check_root(file, element)
            yield element
    except (etree.LxmlError, LookupError, ValueError) as error:
        raise _broken(file, error) from error
