"""Study B as a whole: 27 made-up patients with Ph+ ALL, their sorted fractions and nuclei.

Twenty-five at diagnosis, two index patients at diagnosis and at a CD19-negative relapse after blinatumomab.
Three worlds. *published*: the lesion stands in stem cells of 6 of 8 P210, 2 of 12 P190, 2 of 5 untyped
patients. *null*: nowhere outside the B lineage; what looks like it is carry-over. *adverse*: as published,
but the re-analysis sees only part of the contaminants. What is assumed stands in ``study_b.toml``.
"""

from __future__ import annotations

import datetime as dt
import functools
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, Literal

import numpy as np

from remnant.errors import InputError
from remnant.records.fish import AntigenCount, FishCount, FractionMarker, SortPurity
from remnant.records.measurement import ReportedValue
from remnant.records.patient import Event, Patient, Therapy
from remnant.records.sample import Fraction, Sample

__all__ = ["PROBE", "CompartmentTruth", "StudyB", "simulate_study_b"]

World = Literal["published", "null", "adverse"]
_WORLDS: Final = ("published", "null", "adverse")
PROBE: Final = "BCR-ABL1 D-FISH"
_PREPARATION: Final = "sorted cytospin"
_GROUPS: Final = ("P210", "P190", "untyped", "index")
_START: Final = dt.date(2014, 1, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompartmentTruth:
    """What is true of one fraction.

    Attributes
    ----------
    patient_id, sample_id, fraction_id, compartment : str
        Which.
    group : {"P210", "P190", "untyped", "index"}
        Of the patient.
    fraction : float
        True share of the compartment's cells that carry the lesion.
    purity : float
        True share of own cells in the gate.
    """

    patient_id: str
    sample_id: str
    fraction_id: str
    compartment: str
    group: str
    fraction: float
    purity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyB:
    """A made-up study: what the laboratory has, and what is true.

    Attributes
    ----------
    world : {"published", "null", "adverse"}
        Which world it is from.
    seed : int
        Seed that gives it again.
    patients, events, therapies, samples, fractions : tuple of records
        Who, and what was sorted; healthy donors and regenerating controls among the samples.
    counts, purities, markers, antigens, reported : tuple of records
        Score sheets, sort reports, IG/TR of fractions, CD19 classes, transcript and IG/TR levels.
    truth : tuple of CompartmentTruth
        One a fraction of a patient.
    """

    world: World
    seed: int
    patients: tuple[Patient, ...]
    events: tuple[Event, ...]
    therapies: tuple[Therapy, ...]
    samples: tuple[Sample, ...]
    fractions: tuple[Fraction, ...]
    counts: tuple[FishCount, ...]
    purities: tuple[SortPurity, ...]
    markers: tuple[FractionMarker, ...]
    antigens: tuple[AntigenCount, ...]
    reported: tuple[ReportedValue, ...]
    truth: tuple[CompartmentTruth, ...]


@functools.cache
def _assumed() -> dict[str, Any]:
    text = resources.files("remnant.example").joinpath("study_b.toml").read_text(encoding="utf-8")
    return {row["id"]: row["value"] for row in tomllib.loads(text)["row"]}


@dataclass(slots=True)
class _Books:
    """Records as they are made."""

    events: list[Event]
    therapies: list[Therapy]
    samples: list[Sample]
    fractions: list[Fraction]
    counts: list[FishCount]
    purities: list[SortPurity]
    markers: list[FractionMarker]
    antigens: list[AntigenCount]
    reported: list[ReportedValue]
    truth: list[CompartmentTruth]


def simulate_study_b(world: World = "published", seed: int = 20) -> StudyB:
    """Make up study B.

    Parameters
    ----------
    world : {"published", "null", "adverse"}, default "published"
        Which world the patients live in.
    seed : int, default 20
        The same seed gives the same study.

    Returns
    -------
    StudyB
        The study.

    Raises
    ------
    InputError
        If the world is unknown.

    Examples
    --------
    >>> study = simulate_study_b(seed=1)
    >>> len(study.patients), sum(one.compartment == "HSC" and one.fraction > 0 for one in study.truth)
    (27, 14)
    """
    if world not in _WORLDS:
        raise InputError(
            where="study B",
            found=f"world {world!r}",
            needed=", ".join(_WORLDS),
            advice="Correct the argument.",
        )
    rng = np.random.default_rng(seed)
    books = _Books([], [], [], [], [], [], [], [], [], [])
    patients = []
    number = 0
    for place, group in enumerate(_GROUPS):
        size, hsc, beyond = (_assumed()[name][place] for name in ("patients", "hsc_involved", "outside_only"))
        for i in range(size):
            number += 1
            kind = "hsc" if i < hsc else "outside" if i < hsc + beyond else "b"
            if world == "null":
                kind = "b"
            patients.append(_patient(rng, books, f"B{number:03d}", group, kind=kind, world=world))
    _donors(rng, books)
    return StudyB(
        world=world,
        seed=seed,
        patients=tuple(patients),
        **{name: tuple(getattr(books, name)) for name in _Books.__slots__},
    )


def _ranged(rng: np.random.Generator, name: str, place: int) -> float:
    """A draw around a median that stays between low and high: triangular in both halves."""
    low, middle, high = (_assumed()[f"{name}_{part}"][place] for part in ("low", "median", "high"))
    return float(rng.triangular(low, middle, high))


def _patient(
    rng: np.random.Generator, books: _Books, code: str, group: str, *, kind: str, world: World
) -> Patient:
    age_middle, age_low, age_high = _assumed()["age"]
    start = _START + dt.timedelta(days=int(rng.integers(0, 900)))
    sample_id = f"{code}-D"
    blasts = float(rng.uniform(60, 95))
    books.events.append(Event(patient_id=code, kind="diagnosis", on=start))
    books.samples.append(
        Sample(
            sample_id=sample_id,
            patient_id=code,
            material="BM",
            drawn_on=start,
            reason="diagnosis",
            blast_percent=round(blasts, 1),
        )
    )
    true = _true_fractions(rng, kind)
    one_fusion = bool(rng.random() < _assumed()["atypical"])
    _sorted(rng, books, sample_id, true, group=group, world=world, one_fusion=one_fusion)
    _levels(rng, books, code, start, involved=kind == "hsc")
    if group == "index":
        _index_relapse(rng, books, code, start, world=world, one_fusion=one_fusion, involved=kind == "hsc")
    books.therapies.append(
        Therapy(patient_id=code, kind="tki", start_on=start + dt.timedelta(days=5), agent="dasatinib")
    )
    return Patient(
        patient_id=code,
        diagnosis="Ph+ ALL",
        sex="f" if rng.random() < 0.5 else "m",
        age_years=round(float(rng.triangular(age_low, age_middle, age_high))),
        lesion="BCR::ABL1",
        transcript=group if group.startswith("P") else None,
        synthetic=True,
    )


def _true_fractions(rng: np.random.Generator, kind: str) -> dict[str, float]:
    """True share of positive cells by compartment."""
    true = dict.fromkeys(_assumed()["compartments"], 0.0)
    true["CD19+"] = float(rng.uniform(*_assumed()["blasts_positive"]))
    if kind == "b":
        return true
    for place, name in enumerate(("HSC", "progenitor", "myeloid")):
        true[name] = 0.0 if kind == "outside" and name == "HSC" else _ranged(rng, "fraction", place)
    if rng.random() < _assumed()["t_involved"]:
        true["T"] = float(rng.uniform(*_assumed()["t_fraction"]))
    return true


def _sorted(
    rng: np.random.Generator,
    books: _Books,
    sample_id: str,
    true: dict[str, float],
    *,
    group: str,
    world: World,
    one_fusion: bool,
) -> None:
    """Sort one sample, re-analyse, and score."""
    missed = float(rng.uniform(*_assumed()["false_negative"]))
    for place, name in enumerate(_assumed()["compartments"]):
        fraction_id = f"{sample_id}-{place + 1}"
        purity = _ranged(rng, "purity", place)
        contaminant = "T" if name == "CD19+" else "CD19+"
        books.fractions.append(
            Fraction(
                fraction_id=fraction_id,
                sample_id=sample_id,
                compartment=name,
                sort_gate=_assumed()["gates"][place],
                yield_cells=int(rng.integers(2_000, 60_000)) if place else int(rng.integers(200, 4_000)),
            )
        )
        _reanalyse(rng, books, fraction_id, (name, contaminant), purity=purity, world=world)
        positive = purity * true[name] + (1 - purity) * true[contaminant]
        nuclei = max(1, round(_ranged(rng, "nuclei", place)))
        _score(rng, books, fraction_id, nuclei, positive=positive * (1 - missed), one_fusion=one_fusion)
        _clonotype_of_fraction(rng, books, fraction_id, name, true=true, purity=purity)
        books.truth.append(
            CompartmentTruth(
                patient_id=sample_id.partition("-")[0],
                sample_id=sample_id,
                fraction_id=fraction_id,
                compartment=name,
                group=group,
                fraction=true[name],
                purity=purity,
            )
        )


def _reanalyse(
    rng: np.random.Generator,
    books: _Books,
    fraction_id: str,
    names: tuple[str, str],
    *,
    purity: float,
    world: World,
) -> None:
    hsc = names[0] == "HSC"
    if hsc and rng.random() < _assumed()["hsc_without_reanalysis"]:
        return
    events = int(rng.integers(*_assumed()["hsc_events" if hsc else "events"]))
    seen = (1 - purity) * (_assumed()["adverse_purity"] if world == "adverse" else 1.0)
    found = int(rng.binomial(events, seen))
    books.purities += [
        SortPurity(fraction_id=fraction_id, compartment=name, events=n)
        for name, n in zip(names, (events - found, found), strict=True)
    ]


def _score(
    rng: np.random.Generator,
    books: _Books,
    fraction_id: str,
    nuclei: int,
    *,
    positive: float,
    one_fusion: bool,
) -> None:
    """Two readers, half of the nuclei each; a very small fraction has one."""
    chance = float(rng.uniform(*_assumed()["one_fusion"]))
    two = positive * (0.0 if one_fusion else 1.0) + (1 - positive) * _assumed()["false_positive"]
    one = positive * (1.0 if one_fusion else 0.0) + (1 - positive) * chance
    shares = [nuclei] if nuclei < 30 else [nuclei // 2, nuclei - nuclei // 2]
    for reader, scored in zip(("R1", "R2"), shares, strict=False):
        drawn = rng.multinomial(scored, [two, one, 1.0 - two - one])
        books.counts += [
            FishCount(
                fraction_id=fraction_id,
                probe=PROBE,
                pattern=pattern,
                nuclei=int(n),
                scored=scored,
                reader=reader,
                preparation=_PREPARATION,
            )
            for pattern, n in zip(("1R1G2F", "1R1G1F", "2R2G"), drawn, strict=True)
        ]


def _clonotype_of_fraction(
    rng: np.random.Generator,
    books: _Books,
    fraction_id: str,
    name: str,
    *,
    true: dict[str, float],
    purity: float,
) -> None:
    """IG/TR by a fraction: only cells of the B lineage carry it, carried-over ones too; half are measured."""
    if rng.random() < 0.5 and not fraction_id.rpartition("-")[0].endswith("-R"):
        return
    share = true["CD19+"] * (purity if name == "CD19+" else 1 - purity)
    seen = share * 10 ** float(rng.normal(0.0, 0.2))
    below = seen < 1e-3
    books.markers.append(
        FractionMarker(
            fraction_id=fraction_id,
            marker="IG/TR",
            share=None if below else round(min(seen, 1.0), 4),
            upper_limit=1e-3 if below else None,
            sd_log10=0.2,
        )
    )


def _levels(rng: np.random.Generator, books: _Books, code: str, start: dt.date, *, involved: bool) -> None:
    """Transcript and IG/TR at diagnosis and in three follow-up samples, as reported."""
    ratio = float(np.exp(rng.uniform(*np.log(_assumed()["ratio_diagnosis"]))))
    share = float(rng.uniform(*_assumed()["clonotype_share"]))
    discordant = rng.random() < _assumed()["discordant"][0 if involved else 1]
    fall = 0.0
    for number, day in enumerate((0, 35, 80, 150)):
        sample_id = f"{code}-D" if number == 0 else f"{code}-F{number}"
        fall += float(rng.uniform(0.6, 1.4)) if number else 0.0
        excess = float(rng.uniform(1.3, 2.0)) if discordant and number else 0.0
        fusion = ratio * 10 ** (-fall + float(rng.normal(0, 0.12)))
        clonotype = share * 10 ** (-fall - excess + float(rng.normal(0, 0.12)))
        if number:
            drawn = start + dt.timedelta(days=day)
            books.samples.append(
                Sample(
                    sample_id=sample_id, patient_id=code, material="BM", drawn_on=drawn, reason="scheduled"
                )
            )
        clonotype = min(clonotype, 0.99)
        below = clonotype < 1e-4
        books.reported += [
            ReportedValue(
                sample_id=sample_id,
                patient_id=code,
                target="BCR-ABL1",
                control="GUSB",
                unit="ratio",
                value=float(f"{fusion:.3g}"),
            ),
            ReportedValue(
                sample_id=sample_id,
                patient_id=code,
                target="IG/TR",
                control="",
                unit="cell_fraction",
                value=None if below else float(f"{clonotype:.3g}"),
                upper_limit=1e-4 if below else None,
            ),
        ]


def _index_relapse(
    rng: np.random.Generator,
    books: _Books,
    code: str,
    start: dt.date,
    *,
    world: World,
    one_fusion: bool,
    involved: bool,
) -> None:
    """CD19-negative relapse after blinatumomab: from stem cells, or, in the null world, blasts without CD19."""
    given = start + dt.timedelta(days=int(rng.integers(150, 400)))
    months = float(rng.uniform(*_assumed()["relapse_months"]))
    relapse = given + dt.timedelta(days=round(30.4 * months))
    sample_id = f"{code}-R"
    books.therapies.append(
        Therapy(
            patient_id=code,
            kind="blinatumomab",
            start_on=given,
            end_on=given + dt.timedelta(days=28),
            target_antigen="CD19",
        )
    )
    books.events.append(Event(patient_id=code, kind="relapse", on=relapse, detail="CD19-negative"))
    books.samples.append(
        Sample(
            sample_id=sample_id,
            patient_id=code,
            material="BM",
            drawn_on=relapse,
            reason="relapse",
            blast_percent=round(float(rng.uniform(30, 80)), 1),
        )
    )
    true = _true_fractions(rng, "hsc" if involved else "b")
    if involved:
        true["myeloid"] = float(rng.uniform(*_assumed()["relapse_myeloid"]))
        true["CD19+"] = float(rng.uniform(0.05, 0.3))
    _sorted(rng, books, sample_id, true, group="index", world=world, one_fusion=one_fusion)
    cells = int(rng.integers(5_000, 20_000))
    positive = int(rng.binomial(cells, float(rng.uniform(0.0, _assumed()["relapse_cd19"]))))
    dim = int(rng.binomial(cells - positive, 0.01))
    classes: dict[Literal["negative", "dim", "positive"], int] = {
        "negative": cells - positive - dim,
        "dim": dim,
        "positive": positive,
    }
    books.antigens += [
        AntigenCount(sample_id=sample_id, clone="blasts", antigen="CD19", intensity=name, cells=n)
        for name, n in classes.items()
    ]


def _donors(rng: np.random.Generator, books: _Books) -> None:
    """Healthy donors, sorted and scored in the same way; regenerating marrows for the cytometry alone."""
    donors, nuclei = _assumed()["donors"]
    for number in range(1, donors + 1):
        sample_id = f"DN{number:02d}"
        books.samples.append(
            Sample(sample_id=sample_id, patient_id=sample_id, material="BM", drawn_on=_START, reason="donor")
        )
        books.fractions.append(
            Fraction(
                fraction_id=f"{sample_id}-1",
                sample_id=sample_id,
                compartment="myeloid",
                sort_gate="CD33+CD15+",
            )
        )
        _score(rng, books, f"{sample_id}-1", nuclei, positive=0.0, one_fusion=False)
    for number in range(1, _assumed()["regenerating_controls"] + 1):
        code = f"RG{number:02d}"
        books.samples.append(
            Sample(sample_id=code, patient_id=code, material="BM", drawn_on=_START, reason="control")
        )
