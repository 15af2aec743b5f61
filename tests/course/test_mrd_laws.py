"""Laws of the states of leukaemia-specific markers, over random courses."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remnant.course.mrd_states import MrdReading, follow_mrd, policy
from remnant.knowledge.mrd_states import mrd_state_rules
from remnant.knowledge.rules_files import rule_book

MARKERS = {
    "eln2021": ("NPM1", "ABL1", "percent"),
    "eln2018": ("NPM1", "ABL1", "percent"),
    "ph_all": ("BCR-ABL1", "ABL1", "percent"),
    "cml_is": ("BCR-ABL1", "ABL1", "percent"),
    "euromrd_igtr": ("IG/TR", "", "cell_fraction"),
    "eln_flow": ("flow MRD", "", "cell_fraction"),
}
PLACES = (("BM", ""), ("PB", ""))

found = st.one_of(
    st.just(("negative", None)),
    st.just(("detected", None)),
    st.tuples(st.sampled_from(["low level", "positive"]), st.one_of(st.none(), st.floats(-6.0, 0.0))),
)
samples = st.lists(
    st.tuples(
        st.integers(1, 60),
        st.sampled_from(PLACES),
        found,
        st.sampled_from(["remission"] * 6 + ["active", "overt"]),
        st.booleans(),
        st.sampled_from([None, -0.1, 0.1]),
    ),
    min_size=1,
    max_size=20,
)


def readings(drawn):
    day, made = 0, []
    for number, (gap, place, (level, value), phase, after, factor) in enumerate(drawn):
        day += gap
        made.append(
            MrdReading(
                place=place,
                sample_id=f"S{number}",
                drawn_on=dt.date(2021, 1, 1) + dt.timedelta(day),
                level=level,
                value=value,
                phase=phase,
                after_treatment=after,
                factor=factor,
                beyond=level == "positive" and value is None,
                scaled=True,
                sd=0.2,
            )
        )
    return made


def policies(name):
    marker, control, unit = MARKERS[name]
    rules = rule_book().named(name)
    return {place: policy(rules, marker=marker, place=place, control=control, unit=unit) for place in PLACES}


def follow(made, name):
    return follow_mrd(made, policies(name), mrd_state_rules())


@pytest.mark.property
@settings(max_examples=100, deadline=None)
@given(samples, st.sampled_from(sorted(MARKERS)))
def test_every_state_follows_from_the_one_before_by_the_table_and_rests_on_samples(drawn, name):
    made = readings(drawn)
    table = {one.id: one for one in mrd_state_rules().transitions.values()}
    seen = set()
    for reading, status in zip(made, follow(made, name), strict=True):
        seen.add(reading.sample_id)
        assert table[status.transition].becomes == status.state
        assert status.sign == table[status.transition].sign
        assert status.samples[-1] == reading.sample_id
        assert set(status.samples) <= seen
        assert status.since <= reading.drawn_on


@pytest.mark.property
@settings(max_examples=100, deadline=None)
@given(samples, st.sampled_from(sorted(MARKERS)), st.data())
def test_a_sample_that_is_not_evaluable_changes_nothing(drawn, name, data):
    made = readings(drawn)
    place = data.draw(st.integers(0, len(made)))
    on = made[min(place, len(made) - 1)].drawn_on
    failed = MrdReading(
        place=data.draw(st.sampled_from(PLACES)), sample_id="failed", drawn_on=on, level="not evaluable"
    )
    got = follow([*made[:place], failed, *made[place:]], name)
    assert got[place].state == "not evaluable"
    assert got[place].samples == ()
    assert [*got[:place], *got[place + 1 :]] == follow(made, name)


@pytest.mark.property
@settings(max_examples=100, deadline=None)
@given(samples, st.sampled_from(sorted(MARKERS)))
def test_relapse_is_confirmed_only_by_a_second_sample_or_overt_disease(drawn, name):
    made = readings(drawn)
    for status in follow(made, name):
        if status.state == "confirmed relapse" and status.sign in {"confirms", "late", "elsewhere"}:
            assert len(status.samples) >= 2


@pytest.mark.property
@settings(max_examples=100, deadline=None)
@given(samples, st.sampled_from(sorted(MARKERS)))
def test_a_step_that_only_the_factor_makes_is_no_rise(drawn, name):
    """Without any change of the ratio no change of factor makes relapse or progression."""
    flat = [
        (gap, ("BM", ""), ("low level", -3.0), "remission", after, factor)
        for gap, _, _, _, after, factor in drawn
    ]
    states = {status.state for status in follow(readings(flat), name)}
    assert states <= {"low level", "persistence"}
