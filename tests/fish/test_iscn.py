"""ISCN strings: written back unchanged, checked, refused where they make no sense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.acquire.iscn import (
    Clone,
    Interphase,
    Locus,
    Signals,
    canonical,
    parse_iscn,
    pattern_of,
    write_iscn,
)
from remnant.errors import InputError

WRITTEN = [
    "nuc ish(D21S259x2)[400]",
    "nuc ish(ABL1,BCR)x3(ABL1 con BCRx2)[200]",
    "nuc ish(ABL1,BCR)x3(ABL1 con BCRx2)[100/200]",
    "nuc ish(ABL1x4,BCRx3)(ABL1 con BCRx3)[159/200]/(ABL1,BCR)x3(ABL1 con BCRx2)[8/200]",
    "nuc ish 9q34(ABL1x3),22q11(BCRx3)(ABL1 con BCRx2)[12/100]",
    "nuc ish(KMT2Ax2)(5'KMT2A sep 3'KMT2Ax1)[50/200]",
    "nuc ish(ERBB2 amp)[30]",
    "nuc ish(ABL1x2~3,BCRx0)[9]",
    "nuc ish(ABL1,BCR)x2",
]
VARIANTS = [
    "nuc ish (ABL1, BCR) X 3 (ABL1 con BCR × 2) [ 100 / 200 ]",
    "NUC ISH(ABL1,BCR)x3(ABL1 con BCRX2)[100/200],(ABL1,BCR)x2[20/200]",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_canonical_strings_come_back_letter_by_letter(text):
    found = parse_iscn(text)
    assert write_iscn(found) == text
    assert canonical(found) == text


@pytest.mark.parametrize("text", VARIANTS)
def test_variants_come_back_unchanged_and_mean_the_same(text):
    found = parse_iscn(text)
    assert write_iscn(found) == text
    assert parse_iscn(canonical(found)) == found


names = st.sampled_from(["ABL1", "BCR", "D21S259", "KMT2A"])
counts = st.integers(2, 9).map(str)
plain = st.lists(names, min_size=1, max_size=3, unique=True)
shared = st.builds(lambda loci, n: Signals(loci=tuple(Locus(name=x) for x in loci), count=n), plain, counts)
each = st.builds(lambda loci, n: Signals(loci=tuple(Locus(name=x, count=n) for x in loci)), plain, counts)
clones = st.builds(
    lambda group, n: Clone(signals=(group,), nuclei=n, scored=1000),
    st.one_of(shared, each),
    st.integers(1, 200),
)


@pytest.mark.property
@given(st.lists(clones, min_size=1, max_size=4))
def test_what_is_made_is_read_back(made):
    found = Interphase(clones=tuple(made))
    assert parse_iscn(write_iscn(found)) == found


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "nuc ish"),
        ("nuc ish", "a bracket"),
        ("nuc ish(ABL1,BCR", "a bracket"),
        ("nuc ish(ABL1)[20]", "no count"),
        ("nuc ish(ABL1x2)x3[20]", "two counts"),
        ("nuc ish(ABL1x2)[20/10]", "20 nuclei of 10"),
        ("nuc ish(ABL1,BCR)x3(ABL1 con BCRx2)[150/200]/(ABL1,BCR)x2[60/200]", "210 nuclei of 200"),
        ("nuc ish(ABL1,BCR)x2(ABL1 con BCRx3)[5]", "con BCR 3 times"),
        ("nuc ish(ABL1x2)[5/10]/(ABL1x3)[5/20]", "several numbers"),
        ("nuc ish(ABL1x2)[0]", "no nuclei"),
        ("nuc ish(ABL1x2)[20] and more", "the end"),
        ("nuc ish(ABL1 with BCRx2)[20]", "a locus"),
    ],
)
def test_strings_that_make_no_sense_are_refused(text, part):
    with pytest.raises(InputError, match=part.replace("(", "\\(")):
        parse_iscn(text)


def test_patterns_of_a_dual_fusion_probe():
    wanted = {
        "nuc ish(ABL1,BCR)x2[9]": "2R2G",
        "nuc ish(ABL1,BCR)x3(ABL1 con BCRx2)[9]": "1R1G2F",
        "nuc ish(ABL1,BCR)x2(ABL1 con BCRx1)[9]": "1R1G1F",
        "nuc ish(ABL1,BCR)x4(ABL1 con BCRx3)[9]": "1R1G3F",
        "nuc ish(ABL1x3,BCRx2)(BCR con ABL1x1)[9]": "2R1G1F",
        "nuc ish(ABL1x2~3,BCRx2)[9]": None,
    }
    assert {text: pattern_of(parse_iscn(text).clones[0]) for text in wanted} == wanted
