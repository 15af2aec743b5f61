"""Templates to self-contained pages: style and script are inlined, nothing is fetched."""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import Any, Final

import jinja2
import markupsafe

from remnant.report import numbers
from remnant.report.context import DISCLAIMER, Context
from remnant.report.palette import dark_rules
from remnant.report.sentences import as_printed
from remnant.report.table import with_content

__all__ = ["render", "written"]

_WHOLE: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}|(?:\b[nPz] )?(?:&lt;|&gt;|[=≥≤]) [−+]?\d[\d.]*(?: (?:%|× 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?|\d[\d.,]*(?:-\d[\d.,]*)? (?:%|× 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
    r"|\b(?:\d+|R)-(?:\d?s|x)\b|\b\d[\d.,]*-[\d.,]*\d\b|\b[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+\b"
)
_CODE: Final = re.compile(r"`([^`]+)`")


@functools.cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("remnant.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["dates"] = _dates
    made.filters["with_content"] = with_content
    return made


def _dates(text: str) -> markupsafe.Markup:
    """Text whose dates, ranges, comparisons and codes are not broken at the end of a line; what is typed is set as code."""
    held = _WHOLE.sub(r'<span class="d">\g<0></span>', str(markupsafe.escape(as_printed(text))))
    return markupsafe.Markup(_CODE.sub(r"<code>\1</code>", held))  # noqa: S704  escaped


@functools.cache
def _asset(name: str) -> str:
    return resources.files("remnant.report").joinpath("assets", name).read_text(encoding="utf-8")


@functools.cache
def _style() -> str:
    figures = dark_rules("figure svg")
    return f"{_asset('report.css')}@media screen and (prefers-color-scheme: dark) {{\n{figures}\n}}"


def render(template: str, *, context: Context, synthetic: bool, **values: Any) -> str:
    """Page from a template.

    Parameters
    ----------
    template : str
        File name in ``templates/``.
    context : Context
        What the page says about itself.
    synthetic : bool
        Whether the footer says that the data are made up.
    **values : Any
        What the template prints.

    Returns
    -------
    str
        HTML that needs no other file.
    """
    return (
        _environment()
        .get_template(template)
        .render(
            context=context,
            written=written(context),
            css=_style(),
            script=_asset("sort.js"),
            disclaimer=DISCLAIMER,
            synthetic=synthetic,
            **values,
        )
    )


def written(context: Context) -> str:
    """When the report was written, for its footer.

    Parameters
    ----------
    context : Context
        Setting.

    Returns
    -------
    str
        Day, month name, year, time and zone.
    """
    at = context.written_at
    return f"{numbers.in_sentence(at.date())}, {at:%H:%M %Z}".rstrip()
