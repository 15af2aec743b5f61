"""Colours: legible on light and dark paper, and every colour of a figure has its dark partner."""

import re

import pytest

from remnant.report import palette, timeline

TEXT = (palette.INK, palette.MUTED, palette.LOOK, palette.ACT)


@pytest.mark.parametrize("colour", TEXT)
def test_text_has_four_and_a_half_to_one(colour):
    assert palette.contrast(colour, palette.PAPER) >= 4.5
    assert palette.contrast(palette.DARK[colour], palette.DARK[palette.PAPER]) >= 4.5


def test_text_on_a_bar_is_legible():
    assert palette.contrast(palette.INK, palette.BAR) >= 4.5
    assert palette.contrast(palette.DARK[palette.INK], palette.DARK[palette.BAR]) >= 4.5


@pytest.mark.parametrize("marker", ["WT1", "BAALC", "BCR-ABL1", "FISH"])
def test_marks_have_three_to_one(marker):
    hue = palette.marker_hue(marker)
    assert palette.contrast(hue, palette.PAPER) >= 3.0
    assert palette.contrast(palette.DARK[hue], palette.DARK[palette.PAPER]) >= 3.0


def test_every_colour_of_a_figure_turns_dark(any_dossier):
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-fA-F]+)"', timeline.svg(any_dossier)))
    assert used <= set(palette.DARK)


def test_nothing_is_green():
    for colour in [*palette.DARK, *palette.DARK.values()]:
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        is_bcr_abl1 = colour in {palette.MARKERS["BCR-ABL1"], palette.DARK[palette.MARKERS["BCR-ABL1"]]}
        assert is_bcr_abl1 or not (green > red + 20 and green > blue + 20)
