"""The elements of an RDML file, as they stand in it: nothing mapped, nothing judged.

RDML 1.0 to 1.4 differ in little that matters here: 1.3 lets a sample have a type and a quantity for each
target. The document is read as a stream, so that memory holds the curves and not their XML.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from remnant.acquire.safe_xml import elements

__all__ = ["Content", "RawData", "RawReact", "RawRun", "RawSample", "content"]

_WANTED: Final = ("dye", "sample", "target", "experimenter", "react", "run", "rdml")


@dataclass(slots=True, kw_only=True)
class RawSample:
    """One sample: types and quantities by target, None for all targets."""

    types: dict[str | None, str] = field(default_factory=dict)
    quantities: dict[str | None, tuple[str, str]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class RawData:
    """One target of one reaction."""

    target: str
    cq: str | None
    excluded: str | None
    threshold: str | None
    cycles: list[str]
    fluorescence: list[str]


@dataclass(slots=True, kw_only=True)
class RawReact:
    """One reaction."""

    react_id: str
    sample: str | None
    data: list[RawData]
    partitions: bool


@dataclass(slots=True, kw_only=True)
class RawRun:
    """One run: its texts by element name, and its reactions."""

    experiment: str
    run_id: str
    texts: dict[str, str]
    experimenters: list[str]
    plate: dict[str, str]
    reacts: list[RawReact]


@dataclass(slots=True, kw_only=True)
class Content:
    """What one document holds."""

    root: str = ""
    version: str = ""
    samples: dict[str, RawSample] = field(default_factory=dict)
    samples_twice: list[str] = field(default_factory=list)
    targets: dict[str, str] = field(default_factory=dict)
    chemistries: dict[str, str] = field(default_factory=dict)
    experimenters: dict[str, str] = field(default_factory=dict)
    runs: list[RawRun] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)


def _local(element: etree._Element) -> str:
    tag: object = element.tag  # a comment's tag is a function, whatever the stubs say
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _text(element: etree._Element) -> str:
    return (element.text or "").strip()


def _children(element: etree._Element) -> Iterator[tuple[str, etree._Element]]:
    for child in element:
        yield _local(child), child


def _texts(element: etree._Element) -> dict[str, str]:
    return {name: _text(child) for name, child in _children(element)}


def _sample(element: etree._Element) -> RawSample:
    sample = RawSample()
    for name, child in _children(element):
        target = child.get("targetId")
        if name == "type":
            sample.types[target] = _text(child)
        elif name == "quantity":
            texts = _texts(child)
            sample.quantities[target] = (texts.get("value", ""), texts.get("unit", ""))
    return sample


def _data(element: etree._Element, unread: set[str]) -> RawData:
    data = RawData(target="", cq=None, excluded=None, threshold=None, cycles=[], fluorescence=[])
    for name, child in _children(element):
        if name == "adp":
            for part, value in _children(child):
                if part == "cyc":
                    data.cycles.append(value.text or "")
                elif part == "fluor":
                    data.fluorescence.append(value.text or "")
        elif name == "tar":
            data.target = child.get("id", "").strip()
        elif name == "cq":
            data.cq = _text(child)
        elif name == "excl":
            data.excluded = _text(child)
        elif name == "quantFluor":
            data.threshold = _text(child)
        elif name:
            unread.add(name)
    return data


def _react(element: etree._Element, unread: set[str]) -> RawReact:
    react = RawReact(react_id=element.get("id", "").strip(), sample=None, data=[], partitions=False)
    for name, child in _children(element):
        if name == "data":
            react.data.append(_data(child, unread))
        elif name == "sample":
            react.sample = child.get("id", "").strip()
        elif name == "partitions":
            react.partitions = True
    return react


def _run(element: etree._Element, reacts: list[RawReact]) -> RawRun:
    parent = element.getparent()
    run = RawRun(
        experiment="" if parent is None else parent.get("id", "").strip(),
        run_id=element.get("id", "").strip(),
        texts={},
        experimenters=[],
        plate={},
        reacts=reacts,
    )
    for name, child in _children(element):
        if name == "pcrFormat":
            run.plate = _texts(child)
        elif name == "experimenter":
            run.experimenters.append(child.get("id", "").strip())
        elif name != "react":
            run.texts[name] = _text(child)
    return run


def _is_definition(element: etree._Element) -> bool:
    """Whether an element stands at the top, and is no reference from elsewhere."""
    parent = element.getparent()
    return parent is not None and parent.getparent() is None


def _define(found: Content, name: str, element: etree._Element) -> None:
    key = element.get("id", "").strip()
    texts = _texts(element)
    if name == "sample":
        if key in found.samples:
            found.samples_twice.append(key)
        found.samples[key] = _sample(element)
    elif name == "target":
        dye = next((child for part, child in _children(element) if part == "dyeId"), None)
        found.targets[key] = "" if dye is None else dye.get("id", "").strip() or _text(dye)
    elif name == "dye":
        found.chemistries[key] = texts.get("dyeChemistry", "")
    elif name == "experimenter":
        names = (texts.get("firstName", ""), texts.get("lastName", ""))
        found.experimenters[key] = " ".join(part for part in names if part) or key


def content(file: str, data: bytes) -> Content:
    """Elements of an RDML document.

    Parameters
    ----------
    file : str
        Name for messages.
    data : bytes
        The XML.

    Returns
    -------
    Content
        Texts as they stand.

    Raises
    ------
    RefusedFileError
        If the XML is broken or declares a document type.
    """
    found = Content()
    reacts: list[RawReact] = []
    for element in elements(file, data, _WANTED):
        name = _local(element)
        if name == "react":
            reacts.append(_react(element, found.unread))
            element.clear()
        elif name == "run":
            found.runs.append(_run(element, reacts))
            reacts = []
        elif element.getparent() is None:
            found.root, found.version = name, element.get("version", "").strip()
        elif _is_definition(element):
            _define(found, name, element)
    return found
