"""From counts to verdicts, classes and origins: what is asserted, what is refused, what stays unknown."""

import dataclasses
import datetime as dt
import itertools

import numpy as np
import pytest

from remnant.assay.fish.estimates import FishFacts, quantify_fish
from remnant.call.compartments import call_compartments
from remnant.call.compartments_cd19 import cd19_status
from remnant.call.compartments_lineage import classify_lineage
from remnant.errors import MeasurementError
from remnant.example.study_b import simulate_study_b
from remnant.forecast.discordance import unsaturated_ratio
from remnant.forecast.origin import class_probabilities, origin
from remnant.knowledge.origin import origin_classes
from remnant.numerics.compartments import involvement_prior, joint_posterior
from remnant.numerics.sorted_gates import sorted_gates
from remnant.records.fish import AntigenCount, FishCount, FractionMarker, SortPurity
from remnant.records.patient import Patient
from remnant.records.sample import Fraction, Sample

NAMES = ("HSC", "progenitor", "myeloid", "T", "CD19+")


def facts(positive, scored, *, pure=(("HSC", 94), ("CD19+", 6)), gate="CD34+CD38-CD19-", donors=0):
    fractions = [
        Fraction(fraction_id=f"F{i}", sample_id="S1", compartment=name, sort_gate=gate)
        for i, name in enumerate(NAMES)
    ]
    purities = [SortPurity(fraction_id="F0", compartment=name, events=n) for name, n in pure]
    purities += [
        SortPurity(fraction_id=f"F{i}", compartment=name, events=n)
        for i in range(1, 5)
        for name, n in ((NAMES[i], 1970), ("T" if i == 4 else "CD19+", 30))
    ]
    counts = [
        FishCount(fraction_id=f"F{i}", probe="BCR-ABL1 D-FISH", pattern="1R1G2F", nuclei=k, scored=n)
        for i, (k, n) in enumerate(zip(positive, scored, strict=True))
    ]
    samples = [Sample(sample_id="S1", patient_id="P1", material="BM", drawn_on=dt.date(2020, 1, 1))]
    for i in range(donors):
        code = f"D{i}"
        samples.append(
            Sample(
                sample_id=code, patient_id=code, material="BM", drawn_on=dt.date(2020, 1, 1), reason="donor"
            )
        )
        fractions.append(Fraction(fraction_id=code, sample_id=code, compartment="T", sort_gate="CD3+"))
        counts.append(
            FishCount(fraction_id=code, probe="BCR-ABL1 D-FISH", pattern="1R1G2F", nuclei=i % 2, scored=200)
        )
    return FishFacts(
        counts=tuple(counts),
        fractions=tuple(fractions),
        purities=tuple(purities),
        samples=tuple(samples),
        patients=(Patient(patient_id="P1", diagnosis="Ph+ ALL", transcript="P210"),),
    )


def judged(*args, **kwargs):
    known = facts(*args, **kwargs)
    estimates = quantify_fish(known).estimates
    calls, findings = call_compartments(estimates)
    lineage, more = classify_lineage(calls, known.fractions, patient_id="P1", estimates=estimates)
    return (
        {call.compartment: call for call in calls},
        lineage,
        {f.code for f in (*findings, *more)},
        estimates,
    )


NUCLEI = (60, 150, 200, 200, 200)


def test_few_nuclei_limit_negatives_only():
    calls, lineage, _, _ = judged((18, 5, 4, 1, 190), (20, 150, 200, 200, 200))
    assert calls["HSC"].verdict == "strongly positive"
    assert lineage.name == "HSC involved"
    calls, lineage, _, _ = judged((0, 5, 4, 1, 190), (20, 150, 200, 200, 200))
    assert calls["HSC"].verdict == "not evaluable"
    assert lineage.hsc_involved == "unknown"


def test_carry_over_is_no_involvement_and_the_classical_cutoff_is_shown_beside_it():
    calls, lineage, codes, _ = judged((4, 4, 3, 1, 190), NUCLEI)
    assert calls["HSC"].verdict == "negative"
    assert calls["HSC"].classical_verdict == "positive"
    assert calls["HSC"].disagrees
    assert "compartment.cutoffs_disagree" in codes
    assert (lineage.name, lineage.outside_b_lineage) == ("B-lymphoid only", "no")


def test_outside_the_b_lineage_and_hsc_involved_stay_apart():
    calls, lineage, _, _ = judged((1, 60, 80, 1, 190), (60, 150, 200, 200, 200))
    assert calls["myeloid"].verdict == "strongly positive"
    assert (lineage.name, lineage.outside_b_lineage, lineage.hsc_involved) == (
        "outside the B lineage",
        "yes",
        "no",
    )


def test_unmeasured_purity_names_where_the_answer_flips():
    calls, _, codes, _ = judged((12, 5, 4, 1, 190), (100, 150, 200, 200, 200), pure=())
    hsc = calls["HSC"]
    assert hsc.verdict == "indeterminate"
    assert hsc.purity is None
    assert 0.9 < hsc.flip_purity < 0.95
    assert "compartment.purity_unknown" in codes
    calls, _, _, _ = judged((90, 5, 4, 1, 190), (100, 150, 200, 200, 200), pure=())
    assert calls["HSC"].verdict == "strongly positive"
    assert "no purity of 75 % and more changes the answer" in calls["HSC"].reason, (
        "a purity of 0 % is no worry"
    )
    assert "posterior > 0.99" in calls["HSC"].reason


def test_a_stem_cell_gate_with_cd19_cells_says_nothing_about_stem_cells():
    _, lineage, codes, _ = judged((40, 5, 4, 1, 190), NUCLEI, gate="CD34+CD38-")
    assert lineage.hsc_involved == "unknown"
    assert "compartment.gate_keeps_cd19" in codes


def test_donors_of_the_study_replace_the_published_rate():
    known = facts((4, 4, 3, 1, 190), NUCLEI, donors=20)
    made = quantify_fish(known)
    assert {e.false_positive for e in made.estimates} == {(10 + 0.5) / 4001}
    assert "fish.control_rate_assumed" not in {f.code for f in made.findings}
    assert {c.method for c in made.estimates[0].cutoffs if c.classical} == {"mean + 3 SD"}


def test_what_cannot_be_estimated_is_a_failure_and_no_number():
    known = facts((4, 4, 3, 1, 190), NUCLEI)
    twice = dataclasses.replace(known.fractions[1], compartment="stem cell")
    odd = dataclasses.replace(known.fractions[2], compartment="zebra")
    broken = dataclasses.replace(known, fractions=(known.fractions[0], twice, odd, *known.fractions[3:]))
    made = quantify_fish(broken)
    assert [e.compartment for e in made.estimates] == ["HSC", "T", "CD19+"]
    failures = {f.subject: f.code for f in made.findings if f.severity == "failure"}
    assert failures == {"fraction F1": "fish.compartment_twice", "fraction F2": "fish.not_estimated"}


def test_readers_who_differ_are_noticed():
    known = facts((4, 4, 3, 1, 190), NUCLEI)
    rows = [
        FishCount(
            fraction_id="F2", probe="BCR-ABL1 D-FISH", pattern="1R1G2F", nuclei=k, scored=100, reader=reader
        )
        for reader, k in (("A", 2), ("B", 30))
    ]
    counts = (*(c for c in known.counts if c.fraction_id != "F2"), *rows)
    made = quantify_fish(dataclasses.replace(known, counts=counts))
    assert [a.agree for a in made.agreements] == [False]
    assert "fish.readers_differ" in {f.code for f in made.findings}


def test_clonotypes_tell_infidelity_from_a_multipotent_origin():
    _, _, _, estimates = judged((40, 60, 2, 1, 190), NUCLEI)
    kept = [FractionMarker(fraction_id="F0", marker="IG/TR", share=0.6)]
    absent = [FractionMarker(fraction_id="F0", marker="IG/TR", upper_limit=0.001)]
    with_it = origin(estimates, patient_id="P1", markers=kept)
    without = origin(estimates, patient_id="P1", markers=absent)
    place = with_it.classes.index("B-committed with phenotypic infidelity")
    assert with_it.probability[place] > 0.9
    assert without.probability[place] < 0.05
    assert sum(with_it.probability) == pytest.approx(1.0)
    assert all(
        low <= p <= high
        for low, p, high in zip(with_it.lower, with_it.probability, with_it.upper, strict=True)
    )


def test_classes_that_the_gates_cannot_separate_are_merged():
    _, _, _, estimates = judged((40, 60, 2, 1, 190), NUCLEI)
    only_b = [
        dataclasses.replace(
            e,
            evidence=dataclasses.replace(e.evidence, compartments=("CD19+", "other cells")),
        )
        for e in estimates
        if e.compartment == "CD19+"
    ]
    found = origin(only_b, patient_id="P1")
    assert found.classes == (" or ".join(row.id for row in origin_classes()[:4]), "unresolved")


@pytest.mark.definition
def test_class_probabilities_equal_a_sum_over_patterns():
    """Literal twin: P(class) proportional to prior times the sum over patterns of visibility and evidence."""
    names = ("HSC", "myeloid", "CD19+")
    shares = np.array([[0.94, 0, 0.06], [0, 0.97, 0.03], [0.01, 0.01, 0.98]])
    given = {"false_positive": 0.0025, "false_negative": 0.02, "known": True}
    gates = sorted_gates(names, [9, 7, 190], [60, 200, 200], shares, **given)
    classes = origin_classes()
    weight = np.zeros(len(classes))
    lineages = ("stem", "myeloid", "b")
    for pattern in itertools.product((0, 1), repeat=3):
        evidence = np.exp(
            joint_posterior(gates, involvement_prior(3, probability=pattern), draws=4096).log_evidence
        )
        for i, row in enumerate(classes):
            p = [row.visible[lineage] for lineage in lineages]
            chance = np.prod([a if z else 1 - a for a, z in zip(p, pattern, strict=True)])
            weight[i] += row.prior * chance * evidence
    found = class_probabilities(joint_posterior(gates, involvement_prior(3), draws=2**14), classes)
    assert found == pytest.approx(weight / weight.sum(), abs=0.02)


def test_cd19_loss_and_escape_of_precursors_are_told_apart():
    cells = [
        AntigenCount(sample_id="S1", clone="blasts", antigen="CD19", intensity=name, cells=n)
        for name, n in (("negative", 980), ("dim", 5), ("positive", 15))
    ]
    calls, _, _, _ = judged((40, 60, 150, 1, 20), NUCLEI)
    escapes = {}
    for share in (0.5, None):
        markers = [
            FractionMarker(
                fraction_id="F2",
                marker="IG/TR",
                share=share,
                upper_limit=None if share else 0.001,
                sd_log10=0.2,
            )
        ]
        (status,) = cd19_status(cells, patient_id="P1", calls=tuple(calls.values()), markers=markers)
        escapes[share] = status.escape
    assert escapes == {0.5: "CD19 lost, IG/TR kept", None: "CD19-negative, IG/TR absent, BCR-ABL1 present"}
    with pytest.raises(MeasurementError, match="no cells"):
        cd19_status([dataclasses.replace(cells[0], cells=0)], patient_id="P1")


@pytest.mark.definition
@pytest.mark.parametrize(("ratio", "shift"), [(0.1, -0.04), (1.0, -0.30), (5.0, -0.78)])
def test_saturation_of_the_abl1_assay(ratio, shift):
    measured = ratio / (1 + ratio)
    assert np.log10(measured / ratio) == pytest.approx(shift, abs=0.005)
    assert unsaturated_ratio(measured) == pytest.approx(ratio)


def test_the_example_has_the_published_margins():
    study = simulate_study_b(seed=3)
    involved = {t.patient_id for t in study.truth if t.compartment == "HSC" and t.fraction > 0}
    outside = {t.patient_id for t in study.truth if t.compartment != "CD19+" and t.fraction > 0}
    groups = {t.patient_id: t.group for t in study.truth}
    table = {g: sum(groups[p] == g for p in involved) for g in ("P210", "P190", "untyped")}
    assert table == {"P210": 6, "P190": 2, "untyped": 2}
    assert sum(groups[p] == "P190" for p in outside) == 3
    assert len(groups) == 27
    null = simulate_study_b("null", seed=3)
    assert not [t for t in null.truth if t.compartment != "CD19+" and t.fraction > 0]
    assert simulate_study_b(seed=3) == study
