"""The elements of an RDML file, as they stand in it: nothing mapped, nothing judged.

RDML 1.0 to 1.4 differ in little that matters here: 1.3 lets a sample have a type and a quantity for each
target. The document is heard element by element, so that memory holds what is kept and not its XML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.acquire.limits import size
from remnant.acquire.refusal import RefusedFileError
from remnant.acquire.safe_xml import Listener, walk
from remnant.records.finding import Problem

__all__ = ["Content", "RawData", "RawReact", "RawRun", "RawSample", "content"]

_NONE: Final = np.empty(0)
_CURVE_DEPTH: Final = 6
_POINT: Final = (5, "adp")
"""Depth and name of a point of a curve: by far the most frequent element, and none but its parts is kept."""
_MOST_POINTS: Final = 1_000
"""Points after which a curve is no curve; the limit of cycles is far below."""


@dataclass(slots=True, kw_only=True)
class RawSample:
    """One sample: types and quantities by target, None for all targets."""

    types: dict[str | None, str] = field(default_factory=dict)
    quantities: dict[str | None, tuple[str, str]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class RawData:
    """One target of one reaction."""

    target: str = ""
    cq: str | None = None
    excluded: str | None = None
    threshold: str | None = None
    cycles: NDArray[np.float64] = field(default_factory=lambda: _NONE)
    fluorescence: NDArray[np.float64] = field(default_factory=lambda: _NONE)
    broken_curve: bool = False


@dataclass(slots=True, kw_only=True)
class RawReact:
    """One reaction."""

    react_id: str
    sample: str | None = None
    data: list[RawData] = field(default_factory=list)
    partitions: bool = False


@dataclass(slots=True, kw_only=True)
class RawRun:
    """One run: its texts by element name, and its reactions."""

    experiment: str
    run_id: str
    texts: dict[str, str] = field(default_factory=dict)
    experimenters: list[str] = field(default_factory=list)
    plate: dict[str, str] = field(default_factory=dict)
    reacts: list[RawReact] = field(default_factory=list)


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


class _Hearing(Listener):
    """Keeps what is wanted of each element, told by its depth, its parent's name and its own."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.found = Content()
        self._path: list[str] = []
        self._names: dict[str, str] = {}
        self._text: list[str] = []
        self._kept = 0
        self._experiment = ""
        self._key = ""
        self._target: str | None = None
        self._sample = RawSample()
        self._run: RawRun | None = None
        self._react: RawReact | None = None
        self._data: RawData | None = None
        self._cycles: list[str] = []
        self._fluorescence: list[str] = []

    def _keep(self) -> None:
        """Count what is kept, so that memory has a bound."""
        self._kept += 1
        if self._kept > size("rdml_elements"):
            problem = Problem(
                code="rdml.elements",
                file=self.file,
                expected=f"at most {size('rdml_elements'):,} reactions, targets and definitions",
                advice="Split the file.",
            )
            raise RefusedFileError(self.file, [problem])

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = self._names.get(tag)
        if name is None:
            self._keep()
            name = self._names[tag] = tag.rpartition("}")[2]
        depth = len(self._path)
        self._text = []
        if depth < _CURVE_DEPTH and (depth, name) != _POINT:
            self._begin(depth, self._path[-1] if self._path else "", name, attributes)
        self._path.append(name)

    def data(self, text: str) -> None:
        self._text.append(text)

    def end(self, tag: str) -> None:  # noqa: ARG002 - the path knows it
        name = self._path.pop()
        depth = len(self._path)
        if depth == _CURVE_DEPTH:
            self._point(name)
        elif depth and (depth, name) != _POINT:
            self._finish(depth, self._path[-1], name, "".join(self._text).strip())

    def _begin(self, depth: int, parent: str, name: str, attributes: dict[str, str]) -> None:
        key = attributes.get("id", "").strip()
        match depth, parent, name:
            case 0, _, _:
                self.found.root, self.found.version = name, attributes.get("version", "").strip()
            case 1, _, "sample" | "target" | "dye" | "experimenter" | "experiment":
                self._define(name, key)
            case 2, "target", "dyeId":
                self.found.targets[self._key] = key
            case 2, "sample", "type" | "quantity":
                self._target = attributes.get("targetId")
            case 2, "experiment", "run":
                self._keep()
                self._run = RawRun(experiment=self._experiment, run_id=key)
                self.found.runs.append(self._run)
            case 3, "run", "react":
                self._keep()
                self._react = RawReact(react_id=key)
            case 3, "run", "experimenter" if self._run is not None:
                self._run.experimenters.append(key)
            case 4, "react", "sample" if self._react is not None:
                self._react.sample = key
            case 4, "react", "partitions" if self._react is not None:
                self._react.partitions = True
            case 4, "react", "data":
                self._keep()
                self._data, self._cycles, self._fluorescence = RawData(), [], []
            case 5, "data", "tar" if self._data is not None:
                self._data.target = key
            case _:
                pass

    def _define(self, name: str, key: str) -> None:
        self._keep()
        self._key = key
        if name == "experiment":
            self._experiment = key
        elif name == "sample":
            if key in self.found.samples:
                self.found.samples_twice.append(key)
            self._sample = self.found.samples[key] = RawSample()
        elif name == "target":
            self.found.targets[key] = ""
        elif name == "dye":
            self.found.chemistries[key] = ""
        else:
            self.found.experimenters[key] = ""

    def _point(self, name: str) -> None:
        """One cycle or fluorescence of a curve."""
        kept = self._cycles if name == "cyc" else self._fluorescence if name == "fluor" else None
        if (
            kept is not None
            and self._path[-1] == "adp"
            and max(len(self._cycles), len(self._fluorescence)) <= _MOST_POINTS
        ):
            kept.append("".join(self._text))

    def _finish(self, depth: int, parent: str, name: str, text: str) -> None:
        match depth, parent, name:
            case 2, "sample", "type":
                self._sample.types[self._target] = text
            case 3, "quantity", "value" | "unit" if self._path[1] == "sample":
                value, unit = self._sample.quantities.get(self._target, ("", ""))
                self._sample.quantities[self._target] = (text, unit) if name == "value" else (value, text)
            case 2, "target", "dyeId":
                self.found.targets[self._key] = self.found.targets[self._key] or text
            case 2, "dye", "dyeChemistry":
                self.found.chemistries[self._key] = text
            case 2, "experimenter", "firstName" | "lastName":
                self.found.experimenters[self._key] = f"{self.found.experimenters[self._key]} {text}".strip()
            case 2, "experiment", "run":
                self._run = None
            case _ if self._run is not None:
                self._finish_in_run(self._run, depth, name, text)
            case _:
                pass

    def _finish_in_run(self, run: RawRun, depth: int, name: str, text: str) -> None:
        match depth, self._path[-1], name:
            case 3, "run", "react" if self._react is not None:
                run.reacts.append(self._react)
                self._react = None
            case 3, "run", _ if text:
                run.texts[name] = text
            case 4, "pcrFormat", _:
                run.plate[name] = text
            case 4, "react", "data":
                self._leave_data()
            case 5, "data", _ if self._data is not None:
                self._of_data(self._data, name, text)
            case _:
                pass

    def _of_data(self, data: RawData, name: str, text: str) -> None:
        if name == "cq":
            data.cq = text
        elif name == "excl":
            data.excluded = text
        elif name == "quantFluor":
            data.threshold = text
        elif name not in {"tar", "adp"}:
            self.found.unread.add(name)

    def _leave_data(self) -> None:
        data, self._data = self._data, None
        if data is None or self._react is None:
            return
        self._react.data.append(data)
        try:
            data.cycles = np.array(self._cycles, dtype=np.float64)
            data.fluorescence = np.array(self._fluorescence, dtype=np.float64)
        except ValueError:
            data.broken_curve = True


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
        If the XML is broken, declares a document type, or has more elements than the limit.
    """
    hearing = _Hearing(file)
    walk(data, hearing)
    return hearing.found
