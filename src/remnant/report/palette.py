"""Colours, one table for page, PDF and figure.

One hue a marker, kept everywhere; verdicts are words and shapes first, and nothing is green. A figure is
drawn in the light colours; the page replaces each by its dark partner through the style sheet, so that the
same SVG serves both. Contrast with the paper: text at least 4.5:1, marks at least 3:1 (tested).
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ACT",
    "BAR",
    "DARK",
    "GRID",
    "GROUPS",
    "INK",
    "LOOK",
    "MARKERS",
    "MUTED",
    "PAPER",
    "contrast",
    "dark_rules",
    "marker_hue",
]

PAPER: Final = "#ffffff"
INK: Final = "#1b1f23"
MUTED: Final = "#565d64"
GRID: Final = "#e4e7ea"
BAR: Final = "#d3d9de"
LOOK: Final = "#b45f06"
ACT: Final = "#9c1c1c"

MARKERS: Final[dict[str, str]] = {
    "WT1": "#0072b2",
    "BAALC": "#d55e00",
    "BCR-ABL1": "#009e73",
    "IG/TR": "#cc79a7",
    "flow": "#56b4e9",
    "FISH": "#8c6d1f",
}
_OTHER: Final = "#6b727a"

GROUPS: Final[dict[str, str]] = {
    "neither": MUTED,
    "BAALC": MARKERS["BAALC"],
    "WT1": MARKERS["WT1"],
    "both": INK,
}
"""Hues of the four groups by markers raised."""

DARK: Final[dict[str, str]] = {
    PAPER: "#14171a",
    INK: "#e8eaed",
    MUTED: "#a9b1b9",
    GRID: "#2a3036",
    BAR: "#3a424a",
    LOOK: "#e8963e",
    ACT: "#f28b82",
    "#0072b2": "#4ba3db",
    "#d55e00": "#f0843c",
    "#009e73": "#2dbf95",
    "#cc79a7": "#dd9fc4",
    "#56b4e9": "#7cc7ee",
    "#8c6d1f": "#c6a548",
    _OTHER: "#9aa3ac",
}
"""Each light colour's partner on dark paper."""


def marker_hue(target: str) -> str:
    """Hue of a marker.

    Parameters
    ----------
    target : str
        Marker, for example ``"WT1"``; fusions of BCR with ABL1 in any spelling share one hue, and so do
        all that begin as a marker does, like ``"flow MRD"``.

    Returns
    -------
    str
        Hexadecimal colour; grey for a marker without a hue of its own.

    Examples
    --------
    >>> marker_hue("WT1"), marker_hue("BCR::ABL1")
    ('#0072b2', '#009e73')
    """
    name = target.replace("::", "-")
    family = next((key for key in MARKERS if name.casefold().startswith(key.casefold())), "")
    return MARKERS.get(family, _OTHER)


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours.

    Parameters
    ----------
    first, second : str
        Hexadecimal colours, ``"#rrggbb"``.

    Returns
    -------
    float
        From 1 to 21.

    References
    ----------
    .. [1] W3C, Web Content Accessibility Guidelines 2.2, definition of contrast ratio (2023).

    Examples
    --------
    >>> round(contrast("#000000", "#ffffff"))
    21
    """
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def dark_rules(scope: str) -> str:
    """Style rules that turn a figure drawn in light colours into its dark partner.

    Parameters
    ----------
    scope : str
        Selector of the figures, for example ``"figure svg"``.

    Returns
    -------
    str
        One rule a colour and paint, to stand inside a ``prefers-color-scheme: dark`` block.

    Examples
    --------
    >>> dark_rules("svg").splitlines()[0]
    'svg [fill="#ffffff"]{fill:#14171a}'
    """
    return "\n".join(
        f'{scope} [{paint}="{light}"]{{{paint}:{dark}}}'
        for light, dark in DARK.items()
        for paint in ("fill", "stroke")
    )
