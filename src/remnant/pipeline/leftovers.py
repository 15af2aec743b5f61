"""Reports that an earlier state of the study left behind: they go, and nothing else does.

That is pages of runs and patients that are no longer in the study, and PDFs of patients who get none any more.

A file is ours if it stands where `remnant.pipeline.reports` writes, says itself that remnant made it, and
bears the name of the run or patient that it is about. A copy under another name, a page that somebody else
made, a page of another command: they stay.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from remnant.report.curves import file_names

__all__ = ["remove_leftovers"]

_HEAD_BYTES: Final = 4096
_GENERATOR: Final = '<meta name="generator" content="remnant '
_TITLE: Final = re.compile(r"<title>(.*?)</title>", re.DOTALL)
_OF_RUN: Final = re.compile(r": curves of run (.*)\Z", re.DOTALL)
_NUMBERED: Final = re.compile(r"\.\d+\Z")
_STUDY_PAGES: Final = {"curves.html": ": amplification curves", "controls.html": ": internal controls"}


def remove_leftovers(folder: Path, *, kept: Collection[str]) -> tuple[str, ...]:
    """Remove the reports that an earlier state of the study left behind.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the reports.
    kept : collection of str
        Paths inside it that belong to the study as it is, with forward slashes.

    Returns
    -------
    tuple of str
        Paths inside the folder that were removed.
    """
    found = [folder / name for name in _STUDY_PAGES]
    found += [*folder.glob("curves/*.html"), *folder.glob("patients/*.html"), *folder.glob("patients/*.pdf")]
    names = {path: path.relative_to(folder).as_posix() for path in found if path.is_file()}
    gone = sorted((name, path) for path, name in names.items() if name not in kept and _is_ours(path, name))
    for _, path in gone:
        path.unlink()
    return tuple(name for name, _ in gone)


def _is_ours(path: Path, name: str) -> bool:
    """Whether remnant wrote this file, under this name."""
    if path.suffix == ".pdf":
        made = path.read_bytes()
        return b"<rdf:li>remnant " in made and f">{html.escape(path.stem)}: ".encode() in made
    with path.open("rb") as opened:
        head = opened.read(_HEAD_BYTES).decode("utf-8", errors="replace")
    held = _TITLE.search(head)
    if _GENERATOR not in head or held is None:
        return False
    title = html.unescape(held[1])
    if name in _STUDY_PAGES:
        return title.endswith(_STUDY_PAGES[name])
    if path.parent.name == "patients":
        return title.startswith(f"{path.stem}: ")
    run = _OF_RUN.search(title)
    return run is not None and Path(file_names([run[1]])[run[1]]).stem in {
        path.stem,
        _NUMBERED.sub("", path.stem),
    }
