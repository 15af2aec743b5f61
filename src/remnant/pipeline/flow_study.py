"""The cytometry of a study: files, panels and the table of tubes to counts, measurements and sort purities.

A result stands under its file and data set. It depends on the file, its line in the table of tubes, the lines of
its panel, its sample, and on other tubes: a statement on the controls of the same panel, a re-analysis on the
tube that was sorted, whose cuts it uses. Where blasts are overt in a tube of ALL and in the patient's first tube of the same panel,
CD19 is compared, with the drugs given before. A tube that cannot be evaluated is a finding; the others go on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from remnant.acquire.fcs import read_fcs_path
from remnant.assay.flow.compartments import CompartmentCounts
from remnant.assay.flow.counting import masks
from remnant.assay.flow.measurement import flow_assay, flow_measurement
from remnant.assay.flow.panels import panel_of_entries, panel_of_labels
from remnant.assay.flow.purity import index_sort, sort_purity
from remnant.errors import InputError, MeasurementError, RemnantError
from remnant.knowledge.compartments import compartment, known_compartment
from remnant.knowledge.flow import flow_rules
from remnant.pipeline.antigen_loss import antigen_loss_between, blasts_without, loss_finding
from remnant.pipeline.flow import lesion_of, statement_of, tube_compartments
from remnant.records.acquired import Acquired
from remnant.records.antigen_loss import AntigenLoss
from remnant.records.finding import Finding
from remnant.records.fish import SortPurity
from remnant.records.flow import Events, FlowResult, PanelEntry, SortPurityEstimate, TubeUse
from remnant.records.patient import Patient, Therapy
from remnant.records.run import SourceFile
from remnant.records.sample import Fraction, Sample
from remnant.study.facts import facts, source_files
from remnant.study.handle import Study

__all__ = [
    "FlowFacts",
    "flow_facts",
    "flow_facts_of_files",
    "flow_inputs",
    "flow_records",
    "loose_ends",
    "purities_of",
]

SORTED: Final = ("HSC", "progenitor", "myeloid", "T", "CD19+ B-lineage")
"""Compartments that a sorted fraction is looked through for, in the order of precedence."""

_ANTIGEN: Final = "CD19"
_FORMAT: Final = "fcs "
_NOT_PATIENTS: Final = frozenset({"donor", "control"})
_SORTED_ROLES: Final = frozenset({"re-analysis", "index sort"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlowFacts:
    """What the cytometry of a study rests on.

    Attributes
    ----------
    files : dict of str to SourceFile
        FCS files by name.
    paths : dict of str to pathlib.Path
        Where their bytes are.
    tubes : dict of str to TubeUse
        Tubes whose file is there, by key.
    absent : tuple of TubeUse
        Tubes whose file is not there, or has a name that several files have.
    panels : tuple of PanelEntry
        Lines of all panels.
    samples, patients, fractions : dict of str to record
        By code.
    therapies : tuple of Therapy
        Of all patients.
    """

    files: dict[str, SourceFile]
    paths: dict[str, Path]
    tubes: dict[str, TubeUse]
    absent: tuple[TubeUse, ...]
    panels: tuple[PanelEntry, ...]
    samples: dict[str, Sample]
    patients: dict[str, Patient]
    fractions: dict[str, Fraction]
    therapies: tuple[Therapy, ...]

    def is_control(self, use: TubeUse) -> bool:
        """Whether a tube holds cells without disease.

        Parameters
        ----------
        use : TubeUse
            Tube.

        Returns
        -------
        bool
            By its role, or because its sample is a donor's or a control's.
        """
        sample = self.samples.get(use.sample_id)
        own = use.role == "sample" and sample is not None and sample.reason in _NOT_PATIENTS
        return use.role == "control" or own


def _key(use: TubeUse) -> str:
    return f"{use.file}#{use.data_set}"


def flow_facts(study: Study) -> FlowFacts:
    """Facts of a study.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    FlowFacts
        Of its active files.
    """
    sources = [one for one in source_files(study) if one.format.startswith(_FORMAT)]
    return _together(
        [(one, study.originals / one.sha256) for one in sources],
        facts(study, TubeUse),
        panels=facts(study, PanelEntry),
        samples=facts(study, Sample),
        patients=facts(study, Patient),
        fractions=facts(study, Fraction),
        therapies=facts(study, Therapy),
    )


def flow_facts_of_files(read: Sequence[tuple[Path, Acquired]]) -> FlowFacts:
    """Facts of files, without a study.

    Parameters
    ----------
    read : sequence of (pathlib.Path, Acquired)
        Files and what they say.

    Returns
    -------
    FlowFacts
        Of all files together.
    """
    return _together(
        [(got.source, path) for path, got in read if got.source.format.startswith(_FORMAT)],
        [one for _, got in read for one in got.tube_uses],
        panels=tuple(one for _, got in read for one in got.panels),
        samples=[one for _, got in read for one in got.samples],
        patients=[one for _, got in read for one in got.patients],
        fractions=[one for _, got in read for one in got.fractions],
        therapies=[one for _, got in read for one in got.therapies],
    )


def _together(
    sources: Sequence[tuple[SourceFile, Path]],
    uses: Sequence[TubeUse],
    *,
    panels: tuple[PanelEntry, ...],
    samples: Sequence[Sample],
    patients: Sequence[Patient],
    fractions: Sequence[Fraction],
    therapies: Sequence[Therapy],
) -> FlowFacts:
    names = [source.name for source, _ in sources]
    single = {name for name in names if names.count(name) == 1}
    return FlowFacts(
        files={source.name: source for source, _ in sources},
        paths={source.name: path for source, path in sources},
        tubes={_key(use): use for use in uses if use.file in single},
        absent=tuple(use for use in uses if use.file not in single),
        panels=panels,
        samples={one.sample_id: one for one in samples},
        patients={one.patient_id: one for one in patients},
        fractions={one.fraction_id: one for one in fractions},
        therapies=tuple(therapies),
    )


def flow_inputs(known: FlowFacts) -> dict[str, list[Any]]:
    """Everything that the result of each tube depends on, for the hash by which it is renewed.

    Parameters
    ----------
    known : FlowFacts
        Facts.

    Returns
    -------
    dict of str to list of records
        By key of the tube.
    """
    return {key: _inputs(known, use) for key, use in known.tubes.items()}


def _inputs(known: FlowFacts, use: TubeUse) -> list[Any]:
    first = _first_tube(known, use)
    others = [*_controls(known, use).values(), *_sorted_from(known, use).values()]
    others += [known.tubes[first]] if first else []
    sample = known.samples.get(use.sample_id)
    people = known.patients.get(sample.patient_id) if sample else None
    used = [known.files[one.file] for one in (use, *others)]
    lines = [line for line in known.panels if line.panel in {one.panel for one in (use, *others)}]
    drugs = _drugs_before(known, sample) if sample else ()
    firsts = [known.samples.get(known.tubes[first].sample_id)] if first else []
    fraction = known.fractions.get(use.fraction_id or "")
    return [use, *others, *used, *lines, sample, people, *firsts, fraction, list(drugs)]


def _controls(known: FlowFacts, use: TubeUse) -> dict[str, TubeUse]:
    """Controls of the same panel, where residual cells are to be stated."""
    if use.gate is None or use.role != "sample" or known.is_control(use):
        return {}
    return {k: one for k, one in known.tubes.items() if known.is_control(one) and one.panel == use.panel}


def _sorted_from(known: FlowFacts, use: TubeUse) -> dict[str, TubeUse]:
    """The tubes of the same sample and panel that a fraction was sorted from."""
    if use.role not in _SORTED_ROLES:
        return {}
    return {
        key: one
        for key, one in known.tubes.items()
        if one.role == "sample" and (one.sample_id, one.panel) == (use.sample_id, use.panel)
    }


def _first_tube(known: FlowFacts, use: TubeUse) -> str | None:
    """The patient's first tube of the same panel, if it was drawn before this one."""
    sample = known.samples.get(use.sample_id)
    if use.role != "sample" or sample is None or known.is_control(use):
        return None
    earlier = {
        key: other.drawn_on
        for key, one in known.tubes.items()
        if one.role == "sample" and one.panel == use.panel and (other := known.samples.get(one.sample_id))
        if other.patient_id == sample.patient_id and other.drawn_on < sample.drawn_on
    }
    return min(earlier, key=lambda key: (earlier[key], key)) if earlier else None


def _drugs_before(known: FlowFacts, sample: Sample) -> tuple[str, ...]:
    """Drugs that the patient was given up to the day of a sample."""
    given = (
        one
        for one in known.therapies
        if one.patient_id == sample.patient_id and one.start_on <= sample.drawn_on
    )
    return tuple(dict.fromkeys(name for one in given for name in (one.agent, one.kind) if name))


class _Tubes:
    """Tubes that were opened and counted in this run, each once."""

    def __init__(self, known: FlowFacts) -> None:
        self._known = known
        self._counted: dict[str, CompartmentCounts] = {}

    def events(self, use: TubeUse) -> Events:
        """Data set of a tube, mapped from the original."""
        sets = read_fcs_path(self._known.paths[use.file], name=use.file)
        if use.data_set > len(sets):
            raise InputError(
                where=f"file {use.file}",
                found=f"{len(sets)} data sets",
                needed=f"data set {use.data_set}, as the table of tubes says",
                advice="Correct the table of tubes.",
            )
        return sets[use.data_set - 1]

    def counted(self, key: str) -> CompartmentCounts:
        """Compartments of a tube, by its own cuts or those of the tube that was sorted."""
        if key not in self._counted:
            use = self._known.tubes[key]
            events = self.events(use)
            self._counted[key] = self._compartments(use, events)
        return self._counted[key]

    def _compartments(self, use: TubeUse, events: Events) -> CompartmentCounts:
        sample = self._known.samples.get(use.sample_id)
        if use.panel is None:
            panel = panel_of_labels(events.tube)
        else:
            day = sample.drawn_on if sample else None
            panel = panel_of_entries(self._known.panels, use.panel, tube=events.tube, on=day)
        sources = _sorted_from(self._known, use)
        if use.role not in _SORTED_ROLES:
            return tube_compartments(events, panel)
        if not sources:
            raise InputError(
                where=f"file {use.file}",
                found="a re-analysis without the tube that was sorted",
                needed=f"a tube of sample {use.sample_id} with role sample and the same panel",
                advice="Import it: the gates of the sort are cut in it, sorted cells hold no reference cells.",
            )
        cuts = {cut.antigen: cut for cut in self.counted(min(sources)).cuts}
        return tube_compartments(events, panel, cuts=cuts)


def flow_records(known: FlowFacts, keys: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
    """Results of tubes, one after the other.

    Parameters
    ----------
    known : FlowFacts
        Facts.
    keys : sequence of str
        Tubes that are out of date.

    Yields
    ------
    key : str
        Tube.
    records : list of records
        `FlowResult`; a measurement and its assay, or the sort purities of a fraction; findings. Only findings if
        the tube cannot be evaluated.
    """
    tubes = _Tubes(known)
    for key in keys:
        use = known.tubes[key]
        try:
            yield key, _result(tubes, known, key)
        except RemnantError as error:
            yield key, [_not_evaluable(use, error)]


def _result(tubes: _Tubes, known: FlowFacts, key: str) -> list[Any]:
    use = known.tubes[key]
    if use.role in _SORTED_ROLES:
        return _purity_records(tubes, known, key)
    found = tubes.counted(key)
    result = _flow_result(known, use, found, events=tubes.events(use).tube.events)
    noted = [_of_sample(finding, use) for finding in found.findings]
    sample = known.samples.get(use.sample_id)
    if known.is_control(use) or sample is None:
        return [result, *noted]
    patient = known.patients.get(sample.patient_id)
    loss = (
        _antigen_loss(tubes, known, key) if lesion_of(patient.diagnosis if patient else "") == "ALL" else None
    )
    if loss is not None:
        result = dataclasses.replace(result, antigen_loss=loss)
        changed = loss_finding(loss, subject="")
        noted += [_of_sample(one, use) for one in (changed, *loss.findings) if one is not None]
    if use.gate is None:
        return [result, *noted]
    said = statement_of(
        found.counts,
        result.events,
        gate=use.gate,
        lesion=lesion_of(patient.diagnosis if patient else ""),
        controls={
            one.file: (tubes.counted(name).counts, tubes.events(one).tube.events)
            for name, one in _controls(known, use).items()
        },
        material=sample.material,
        noticed=found.findings,
    )
    measured = flow_measurement(said, sample, run_id=f"{use.file}#{use.data_set}")
    noted += [_of_sample(finding, use) for finding in said.findings]
    return [dataclasses.replace(result, statement=said), measured, flow_assay(use.gate), *noted]


def _antigen_loss(tubes: _Tubes, known: FlowFacts, key: str) -> AntigenLoss | None:
    """CD19 against the patient's first tube; None unless both hold overt blasts that the panel gates without it."""
    use = known.tubes[key]
    first = _first_tube(known, use)
    if first is None:
        return None
    earlier = known.tubes[first]
    try:
        pair = [(tubes.events(one), tubes.counted(name)) for name, one in ((first, earlier), (key, use))]
        overt = flow_rules().loss_blast_share
        if any(blasts_without(found, own, antigen=_ANTIGEN) < overt * own.tube.events for own, found in pair):
            return None
        drugs = _drugs_before(known, known.samples[use.sample_id])
        return antigen_loss_between(pair[0], pair[1], antigen=_ANTIGEN, therapies=drugs)
    except InputError:  # an antigen or cells that are missing: the compartments of the tube tell so already
        return None


def _flow_result(known: FlowFacts, use: TubeUse, found: CompartmentCounts, *, events: int) -> FlowResult:
    return FlowResult(
        file=use.file,
        data_set=use.data_set,
        sha256=known.files[use.file].sha256,
        sample_id=use.sample_id,
        role="control" if known.is_control(use) else use.role,
        panel=use.panel or "",
        events=events,
        version=found.version,
        counts=found.counts,
        cuts=found.cuts,
        sensitivity=found.sensitivity,
        fraction_id=use.fraction_id,
    )


def _purity_records(tubes: _Tubes, known: FlowFacts, key: str) -> list[Any]:
    use = known.tubes[key]
    fraction = known.fractions.get(use.fraction_id or "")
    if fraction is None:
        raise InputError(
            where=f"file {use.file}",
            found=f"fraction {use.fraction_id or 'not named'}",
            needed="a fraction of the study",
            advice="Import the table of fractions, and name the fraction in the table of tubes.",
        )
    found, events = tubes.counted(key), tubes.events(use)
    counted = {one.gate for one in found.counts}
    names = [name for name in SORTED if name in counted]
    own = next((name for name in names if _id(name) == _id(fraction.compartment)), None)
    if own is None:
        raise MeasurementError(
            where=f"file {use.file}",
            found=f"no gate of {fraction.compartment}",
            needed=", ".join(names) or "gates that the panel can tell",
            advice="Re-analyse with the panel of the sort.",
        )
    if use.role == "index sort":
        index_sort(events, masks(events, found.gating, names))  # refuses a file without a well an event
    estimate = sort_purity(events, found.gating, compartment=own, compartments=[own, *names])
    rows = _sort_purities(use, fraction, estimate)
    result = _flow_result(known, use, found, events=events.tube.events)
    return [dataclasses.replace(result, purity=estimate), *rows]


def _id(name: str) -> str:
    return compartment(name).id if known_compartment(name) else name


def _sort_purities(use: TubeUse, fraction: Fraction, found: SortPurityEstimate) -> list[SortPurity]:
    names = [fraction.compartment, *found.compartments[1:-1], "other cells"]
    return [
        SortPurity(
            fraction_id=fraction.fraction_id,
            compartment=name,
            events=events,
            method="index sort" if use.role == "index sort" else "re-analysis",
        )
        for name, events in zip(names, found.counts, strict=True)
        if events or name == fraction.compartment
    ]


def purities_of(
    typed_in: Sequence[SortPurity], measured: Sequence[SortPurity]
) -> tuple[tuple[SortPurity, ...], tuple[Finding, ...]]:
    """Sort reports and re-analysed files together: a file goes before a report on the same fraction.

    Parameters
    ----------
    typed_in : sequence of SortPurity
        Tables of the laboratory.
    measured : sequence of SortPurity
        From FCS files.

    Returns
    -------
    purities : tuple of SortPurity
        One source a fraction.
    findings : tuple of Finding
        Fractions of which a report was not used.
    """
    files = {one.fraction_id for one in measured}
    both = sorted(files & {one.fraction_id for one in typed_in})
    kept = tuple(one for one in typed_in if one.fraction_id not in files)
    return (*kept, *measured), tuple(
        Finding(
            code="purity.two_sources",
            severity="note",
            subject=f"fraction {name}",
            message="A sort report and a re-analysed file tell of this fraction; the file is used.",
        )
        for name in both
    )


def loose_ends(known: FlowFacts) -> tuple[Finding, ...]:
    """Files without a line in the table of tubes, and lines without a file.

    Parameters
    ----------
    known : FlowFacts
        Facts.

    Returns
    -------
    tuple of Finding
        One a file or line.
    """
    used = {use.file for use in known.tubes.values()} | {use.file for use in known.absent}
    unused = [
        Finding(
            code="flow.tube_unassigned",
            severity="warning",
            subject=f"file {name}",
            message="No table of tubes says which sample this cytometry file is of: it is not counted.",
            advice="Import a table with file, sample_id and panel; `remnant templates` writes an empty one.",
        )
        for name in known.files
        if name not in used
    ]
    missing = [
        Finding(
            code="flow.file_missing",
            severity="warning",
            subject=f"file {use.file}",
            message=f"The table of tubes names it for sample {use.sample_id}, but "
            + (
                "several files of this name are imported."
                if use.file in known.files
                else "it is not imported."
            ),
            advice="Import the file, or correct the name.",
        )
        for use in known.absent
    ]
    return (*unused, *missing)


def _of_sample(finding: Finding, use: TubeUse) -> Finding:
    """The same finding, told of the sample: that is what a patient's page lists."""
    return dataclasses.replace(
        finding, subject=f"sample {use.sample_id}", message=f"{use.file}: {finding.message}"
    )


def _not_evaluable(use: TubeUse, error: RemnantError) -> Finding:
    text = "; ".join((f"found {error.found}, need {error.needed}", *error.problems))
    return Finding(
        code="flow.tube_not_evaluable",
        severity="failure",
        subject=f"sample {use.sample_id}",
        message=f"{use.file} is not evaluable. {error.where}: {text}.",
        advice=error.advice,
    )
