"""Typst to PDF, offline, with the bundled fonts: tagged for screen readers (PDF/UA-1)."""

from __future__ import annotations

import datetime as dt
import functools
import json
import threading
from importlib import resources
from typing import Any, Final

import typst

__all__ = ["STANDARD", "pdf"]

STANDARD: Final = "ua-1"
"""PDF standard that the compiler enforces; it refuses a figure without alternative text."""


_LOCAL: Final = threading.local()


def _compiler() -> typst.Compiler:
    """Compiler of this thread: one compiler serves one document at a time."""
    if not hasattr(_LOCAL, "compiler"):
        folder = str(resources.files("remnant.report").joinpath("assets"))
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[folder])
        _LOCAL.compiler = typst.Compiler(font_paths=fonts)
    compiler: typst.Compiler = _LOCAL.compiler
    return compiler


@functools.cache
def _template(name: str) -> bytes:
    return resources.files("remnant.report").joinpath("templates", name).read_bytes()


def pdf(template: str, report: dict[str, Any], *, figure: str, written_at: dt.datetime) -> bytes:
    """Report as PDF.

    Parameters
    ----------
    template : str
        File name in ``templates/``.
    report : dict
        What the template prints; values that JSON can hold.
    figure : str
        SVG.
    written_at : datetime.datetime
        Time stamp of the document; the same input gives the same bytes.

    Returns
    -------
    bytes
        PDF file.
    """
    made = _compiler().compile(
        _template(template),
        sys_inputs={"report": json.dumps(report, ensure_ascii=False), "figure": figure},
        format="pdf",
        pdf_standards=STANDARD,
        timestamp=int(written_at.timestamp()),
    )
    if not isinstance(made, bytes):
        message = f"typst returned {type(made).__name__} for a PDF"
        raise TypeError(message)
    return made
