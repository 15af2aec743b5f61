"""The tree says its verdicts in words, inside their boxes, and names what was not sampled."""

import re

import pytest

from remnant.example.study_b import simulate_study_b
from remnant.example.study_b_files import write_study_b
from remnant.pipeline.compartments import facts_of_files, judge_compartments
from remnant.report.tree import describe, tree_svg

FONT_SHARE = 0.62  # width of an average bold letter over the font size


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    paths = write_study_b(simulate_study_b(seed=3), tmp_path_factory.mktemp("raw"))
    return judge_compartments(facts_of_files(path for path in paths if path.suffix in {".csv", ".xlsx"}))


def test_every_verdict_stands_in_words_and_fits_its_box(judged):
    for sample in judged[:6]:
        drawn = tree_svg(sample)
        for call in sample.calls:
            assert f">{call.verdict}</text>" in drawn
            assert call.verdict in describe(sample)
        box = float(re.search(r'<rect [^>]*width="([\d.]+)" height="[\d.]+" rx="4"', drawn).group(1))
        for size, text in re.findall(r'font-size="(\d+)" font-weight="600"[^>]*>([^<]*)<', drawn):
            assert len(text) * float(size) * FONT_SHARE < box - 12, text


def test_what_was_not_sampled_is_said(judged):
    assert "not sampled" in tree_svg(judged[0])
