"""The page on the two readings of study B's table prints what the code computes, and all of it."""

import re
from pathlib import Path

from remnant.cohort.association import associate
from remnant.numerics.conditional_tests import conditional_tests
from remnant.numerics.proportions import clopper_pearson, wilson

PAGE = (Path(__file__).parents[2] / "docs" / "study-b-table.md").read_text(encoding="utf-8")
READINGS = [
    associate(cells, rows=("P210", "P190"), columns=("involved", "not involved"))
    for cells in (((6, 2), (3, 9)), ((6, 2), (2, 10)))
]
FIXED = {"both": "both", "rows": "transcript", "columns": "involvement", "none": "none"}


def lines(start):
    return [line for line in PAGE.splitlines() if line.startswith(start)]


def printed(p_value):
    return f"**{p_value:.4f}**" if f"{p_value:.2f}" == "0.02" else f"{p_value:.4f}"


def in_words(effect):
    interval = "" if effect.lower is None else f" ({effect.lower:.3f} to {effect.upper:.3f})"
    return f"{effect.estimate:.3f}{interval}"


def test_every_test_stands_on_the_page():
    expected = [
        f"| {one.name} | {one.sidedness} | {FIXED[one.margins]} | {printed(one.p_value)} | {printed(two.p_value)} |"
        for one, two in zip(READINGS[0].tests, READINGS[1].tests, strict=True)
    ]
    found = [line for line in PAGE.splitlines() if re.match(r"\| .* \| (one|two)-sided \|", line)]
    assert found == expected


def test_every_effect_stands_on_the_page():
    expected = [
        f"| {one.measure} | {one.method} | {in_words(one)} | {in_words(two)} |"
        for one, two in zip(READINGS[0].effects, READINGS[1].effects, strict=True)
    ]
    assert [*lines("| odds ratio"), *lines("| risk difference"), *lines("| probability")] == expected


def test_the_readings_and_the_shares_of_the_text():
    for involved in range(4):
        p_value = conditional_tests([[6, 2], [involved, 12 - involved]]).two_sided
        assert f"| {involved}/12 | {p_value:.4f} | {4 - involved} of 5 |" in PAGE
    for one in READINGS:
        assert f"two-sided Fisher {one.tests[0].p_value:.4f}" in PAGE
    text = " ".join(PAGE.split())
    for name, (low, high) in (("Clopper-Pearson", clopper_pearson(10, 25)), ("Wilson", wilson(10, 25))):
        assert f"{name} {100 * low:.1f} to {100 * high:.1f} %" in text
    exact = [one.effects[1] for one in READINGS]
    assert exact[0].lower < 1 < exact[1].lower


def test_the_page_claims_neither():
    assert "**claim neither**" in PAGE
