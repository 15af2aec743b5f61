"""Vega-Lite specifications to SVG, PNG and PDF, without a browser and without a network.

An SVG is made to stand in a page: what Vega wrote for screen readers mark by mark becomes a ``<title>``,
which is the hover text of a figure without any script; invisible leftovers go; the whole figure carries one
description. Text uses the bundled Source Sans 3 where the reader's system has it or the file embeds it.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final
from xml.sax.saxutils import escape

import vl_convert
from lxml import etree

from remnant.report import vega
from remnant.report.palette import GRID, INK, MUTED, PAPER

__all__ = ["FONT", "FONT_SIZE", "HALO", "configured", "inline", "pdf", "png", "svg"]

FONT: Final = "'Source Sans 3', system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"
FONT_SIZE: Final = 12
_ENLARGED: Final = 1.3  # at most, so that the letters of a figure are those of the text around it
HALO: Final = {"stroke": PAPER, "strokeWidth": 3, "strokeJoin": "round", "strokeOpacity": 0}
"""Mark properties of a text with a rim of paper. The rim is laid under the letters when the SVG is made; other
renderers of the specification leave it out."""
_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
_SVG: Final = "{http://www.w3.org/2000/svg}"
_CONFIG: Final[dict[str, Any]] = {
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": FONT_SIZE,
        "titleFontSize": FONT_SIZE,
        "titleFontWeight": "normal",
        "labelColor": MUTED,
        "titleColor": MUTED,
        "domainColor": MUTED,
        "tickColor": MUTED,
        "gridColor": GRID,
        "tickSize": 4,
        "labelOverlap": False,
        "labelFlush": False,
    },
    "title": {
        "fontSize": FONT_SIZE,
        "fontWeight": 600,
        "color": INK,
        "anchor": "start",
        "frame": "group",
        "offset": 6,
    },
    "legend": {
        "labelFontSize": FONT_SIZE,
        "titleFontSize": FONT_SIZE,
        "labelColor": INK,
        "titleColor": MUTED,
    },
    "text": {"fontSize": FONT_SIZE, "fill": INK},
    "aria": True,
}


def configured(spec: dict[str, Any], *, background: str | None = None) -> dict[str, Any]:
    """Specification with schema, fonts and neutral colours.

    Parameters
    ----------
    spec : dict
        Vega-Lite view without top-level properties.
    background : str or None, default None
        Colour behind the figure; none lets the page show through.

    Returns
    -------
    dict
        Specification that any Vega-Lite renderer takes.
    """
    return {"$schema": _SCHEMA, "background": background, "padding": 2, "config": _CONFIG, **spec}


def svg(spec: dict[str, Any], *, description: str, span: tuple[float, float] | None = None) -> str:
    """Figure as SVG.

    Parameters
    ----------
    spec : dict
        Specification.
    description : str
        What the figure shows, for those who do not see it.
    span : (float, float) or None, default None
        Left and right edge in pixels from the left edge of the plots, so that figures of one kind have one
        scale; what is drawn decides if None.

    Returns
    -------
    str
        One ``<svg>`` element with a view box and no fixed size.
    """
    return _tidy(vega.svg(json.dumps(spec)), description, span)


def png(figure: str, *, scale: float = 2.0) -> bytes:
    """SVG as PNG on white.

    Parameters
    ----------
    figure : str
        What `svg` returned.
    scale : float, default 2
        Pixels per unit.

    Returns
    -------
    bytes
        PNG file.
    """
    vega.register_fonts()
    return bytes(vl_convert.svg_to_png(_on_white(figure), scale=scale))


def _on_white(figure: str) -> str:
    x, y, width, height = figure.partition('viewBox="')[2].partition('"')[0].split()
    sized = figure.replace("<svg", f'<svg width="{width}" height="{height}"', 1)
    paper = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{PAPER}"/>'
    return sized.replace("</desc>", f"</desc>{paper}", 1)


def pdf(figure: str) -> bytes:
    """SVG as a one-page PDF.

    Parameters
    ----------
    figure : str
        What `svg` returned.

    Returns
    -------
    bytes
        PDF file.
    """
    vega.register_fonts()
    return bytes(vl_convert.svg_to_pdf(_on_white(figure)))


def inline(figure: str, *, css_class: str, identity: str) -> str:
    """SVG that takes part in a page: named for screen readers, coloured by the style sheet.

    Parameters
    ----------
    figure : str
        What `svg` returned.
    css_class : str
        Class of the element.
    identity : str
        Identifier unique in the page.

    Returns
    -------
    str
        SVG element.
    """
    width = float(figure.partition('viewBox="')[2].partition('"')[0].split()[2])
    size = f"max-width: {_ENLARGED * width:.0f}px"
    head = f'<svg class="{escape(css_class)}" style="{size}" role="img" aria-labelledby="{identity}"'
    return figure.replace("<svg", head, 1).replace("<desc>", f'<desc id="{identity}">', 1)


def _tidy(text: str, description: str, span: tuple[float, float] | None) -> str:
    root = etree.fromstring(text.encode("utf-8"))
    for element in list(root.iter(f"{_SVG}*")):
        parent = element.getparent()
        if parent is not None and (element.get("opacity") == "0" or _is_empty_path(element)):
            parent.remove(element)
            continue
        if element.tag == f"{_SVG}text" and element.get("stroke-opacity") == "0":
            del element.attrib["stroke-opacity"]
            element.set("paint-order", "stroke")
        label = element.get("aria-label")
        if label and element.get("aria-roledescription") in {"point", "rule", "bar"}:
            etree.SubElement(element, f"{_SVG}title").text = label
        for name in ("role", "aria-label", "aria-roledescription", "aria-hidden", "class", "opacity"):
            if element.get(name) is not None and not (name == "opacity" and element.get(name) != "1"):
                del element.attrib[name]
    described = etree.Element(f"{_SVG}desc")
    described.text = description
    root.insert(0, described)
    if span is not None:
        _, _, _, height = root.get("viewBox", "").split()
        origin = float(re.search(r"translate\(([-\d.]+)", text).group(1))  # type: ignore[union-attr]
        root.set("viewBox", f"{origin + span[0]:g} 0 {span[1] - span[0]:g} {height}")
    for name in ("width", "height", "version"):
        root.attrib.pop(name, "")
    etree.cleanup_namespaces(root)
    return etree.tostring(root, encoding="unicode")


def _is_empty_path(element: Any) -> bool:
    if element.tag != f"{_SVG}path":
        return False
    return not element.get("d") or ("background" in (element.get("class") or "") and not element.get("fill"))
