"""Wells of a digital PCR with everything that is known of them: names, exposure, partition volume.

A plate layout speaks where the instrument's file does not, and is followed where both do. Names in wells mean
cDNAs or samples, as in quantitative PCR. Exposure is microlitres of undiluted cDNA divided by the dilution;
where nobody states a volume the wells of one material are taken to hold the same, and where some wells of a
material state one, the others are left out. The channels of one well hold what is stated for any of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from remnant.knowledge.assays import gene_symbol
from remnant.knowledge.dpcr import IMPLIED, DigitalRules, Instrument, volume_source
from remnant.numerics.partitions import rate
from remnant.records.finding import Finding, material_subject
from remnant.records.partition import Partitions, PlateWell
from remnant.records.run import Run
from remnant.records.sample import Cdna, Sample

__all__ = ["NamedWell", "named_wells"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedWell:
    """One well and channel.

    Attributes
    ----------
    part : Partitions
        As recorded, with the names and the kind of the plate layout.
    target : str
        Symbol of the target.
    cdna_id, sample_id : str
        What the name in the well means; empty if no table holds it.
    exposure : float
        Microlitres of undiluted cDNA, or 1 over the dilution where no volume is stated.
    instrument : Instrument
        Row of its instrument.
    volume_nl : float
        Partition volume.
    volume_source : str
        Where the volume comes from.
    obstacle : str
        Why the well cannot count; empty where it can.
    """

    part: Partitions
    target: str
    cdna_id: str
    sample_id: str
    exposure: float
    instrument: Instrument
    volume_nl: float
    volume_source: str
    obstacle: str = ""


def named_wells(
    partitions: Sequence[Partitions],
    layout: Sequence[PlateWell],
    *,
    runs: Sequence[Run],
    cdnas: Sequence[Cdna],
    samples: Sequence[Sample],
    rules: DigitalRules,
) -> tuple[list[NamedWell], list[Finding]]:
    """Bring wells, layout, cDNAs and samples together.

    Parameters
    ----------
    partitions : sequence of Partitions
        Wells as recorded.
    layout : sequence of PlateWell
        What the laboratory says of them.
    runs, cdnas, samples : sequence of records
        What the names refer to.
    rules : DigitalRules
        Instruments, and when exported concentrations tell the volume.

    Returns
    -------
    wells : list of NamedWell
        In the order given.
    findings : list of Finding
        Missing layouts, names that mean nothing, volumes that were assumed.
    """
    told = {(one.run_id, one.position, one.channel): one for one in layout}
    meaning = _meanings(cdnas, samples)
    default_ul = {run.run_id: run.cdna_ul_per_well for run in runs if run.cdna_ul_per_well is not None}
    of_place = {(one.run_id, one.position): one.cdna_ul for one in layout if one.cdna_ul is not None}
    volumes, findings = _volumes(partitions, rules)
    wells: list[NamedWell] = []
    stated: list[float | None] = []
    differs: list[str] = []
    for part in partitions:
        place = told.get((part.run_id, part.position, part.channel))
        if place and _differs(part, place):
            differs.append(f"{part.run_id}:{part.position}")
        named = _with(part, place)
        cdna_id, sample_id = meaning.get(named.sample, ("", ""))
        microlitres = place.cdna_ul if place and place.cdna_ul is not None else None
        if microlitres is None:
            microlitres = of_place.get((part.run_id, part.position), default_ul.get(part.run_id))
        stated.append(microlitres)
        instrument = rules.instruments[part.instrument]
        volume, source = volumes[part.run_id, part.instrument]
        if place and place.partition_volume_nl is not None:
            volume, source = place.partition_volume_nl, "plate layout"
        wells.append(
            NamedWell(
                part=named,
                target=gene_symbol(named.target),
                cdna_id=cdna_id,
                sample_id=sample_id,
                exposure=(1.0 if microlitres is None else microlitres) / (place.dilution if place else 1.0),
                instrument=instrument,
                volume_nl=volume,
                volume_source=source,
            )
        )
    if differs:
        findings.append(_layout_differs(differs))
    wells, missing = _without_exposure(wells, stated)
    findings += missing
    return wells, [*findings, *_name_findings(wells, tabled=bool(samples)), *_assumed_volumes(wells)]


def _without_exposure(
    wells: Sequence[NamedWell], stated: Sequence[float | None]
) -> tuple[list[NamedWell], list[Finding]]:
    """Wells that state no volume of cDNA while others of their material do: nobody knows their exposure."""
    materials: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, well in enumerate(wells):
        if well.part.sample and well.part.kind != "ntc":
            materials[well.part.run_id, well.cdna_id or well.part.sample].append(i)
    lacking: set[int] = set()
    findings = []
    for (run_id, _), rows in materials.items():
        without = [i for i in rows if stated[i] is None]
        if not without or len(without) == len(rows):
            continue
        lacking.update(without)
        findings.append(
            Finding(
                code="dpcr.exposure_missing",
                severity="failure",
                subject=material_subject(wells[rows[0]].part.sample, wells[rows[0]].sample_id),
                message=f"{len(without)} of {len(rows)} wells and targets state no cDNA volume while the others do: they are left out.",
                where=f"run {run_id}",
                advice="Enter the volume of every well in the plate layout, or one for the run.",
            )
        )
    why = "No cDNA volume is stated, while other wells of the material state one."
    return [replace(well, obstacle=why) if i in lacking else well for i, well in enumerate(wells)], findings


def _with(part: Partitions, place: PlateWell | None) -> Partitions:
    if place is None:
        return part
    return Partitions(
        run_id=part.run_id,
        position=part.position,
        channel=part.channel,
        target=place.target,
        sample=place.sample,
        kind=place.kind,
        accepted=part.accepted,
        positives=part.positives,
        instrument=part.instrument,
        concentration_copies_per_ul=part.concentration_copies_per_ul,
        threshold=part.threshold,
        both_positive=part.both_positive,
        excluded=place.excluded or part.excluded,
        amplitudes_sha256=part.amplitudes_sha256,
    )


def _differs(part: Partitions, place: PlateWell) -> bool:
    return any(
        said and said != told for said, told in ((part.sample, place.sample), (part.target, place.target))
    )


def _layout_differs(wells: Sequence[str]) -> Finding:
    return Finding(
        code="dpcr.layout_differs",
        severity="warning",
        subject=f"run {wells[0].partition(':')[0]}",
        message=f"{len(wells)} wells have another sample or target in the plate layout, which is followed: {', '.join(wells[:10])}.",
    )


def _meanings(cdnas: Sequence[Cdna], samples: Sequence[Sample]) -> dict[str, tuple[str, str]]:
    """Name in a well to its cDNA and its sample."""
    known = {sample.sample_id for sample in samples}
    by_sample: dict[str, list[str]] = defaultdict(list)
    for cdna in cdnas:
        by_sample[cdna.sample_id].append(cdna.cdna_id)
    meaning = {name: (name, name) for name in known}
    meaning |= {
        name: (ids[0] if len(ids) == 1 else name, name) for name, ids in by_sample.items() if name in known
    }
    return meaning | {
        cdna.cdna_id: (cdna.cdna_id, cdna.sample_id) for cdna in cdnas if cdna.sample_id in known
    }


def _volumes(
    partitions: Sequence[Partitions], rules: DigitalRules
) -> tuple[dict[tuple[str, str], tuple[float, str]], list[Finding]]:
    """Volume of each run: what its own concentrations imply, else the instrument's row."""
    groups: dict[tuple[str, str], list[Partitions]] = defaultdict(list)
    for part in partitions:
        groups[part.run_id, part.instrument].append(part)
    limits = rules.volume
    volumes: dict[tuple[str, str], tuple[float, str]] = {}
    findings = []
    for key, wells in groups.items():
        row = rules.instruments[key[1]]
        volumes[key] = (row.volume_nl, volume_source(row))
        implied = {
            (w.position, w.channel): float(rate(w.positives, w.accepted))
            / w.concentration_copies_per_ul
            * 1e3
            for w in wells
            if w.positives is not None
            and w.concentration_copies_per_ul
            and limits.minimum_positives <= w.positives < limits.positive_share_below * w.accepted
        }
        places = {place for place, _ in implied}
        if len(places) < limits.minimum_wells:
            continue
        centre = float(np.median(list(implied.values())))
        volumes[key] = (centre, IMPLIED)
        if max(centre / row.volume_nl, row.volume_nl / centre) > limits.unusual_factor:
            findings.append(_unusual(key[0], centre, row))
        apart = list(
            dict.fromkeys(
                place
                for (place, _), value in implied.items()
                if abs(value / centre - 1.0) > limits.relative_tolerance
            )
        )
        if apart:
            findings.append(_disagrees(key[0], apart, len(places), centre))
    return volumes, findings


def _unusual(run_id: str, volume_nl: float, row: Instrument) -> Finding:
    return Finding(
        code="dpcr.volume_unusual",
        severity="warning",
        subject=f"run {run_id}",
        message=f"By the exported concentrations a partition holds {volume_nl:.3g} nl, on {row.label} {row.volume_nl:g} nl is usual: the export may have multiplied by a dilution.",
        advice="Enter the partition volume in the plate layout, if concentrations are used; ratios to a control gene do not depend on it.",
    )


def _disagrees(run_id: str, wells: Sequence[str], of: int, volume_nl: float) -> Finding:
    return Finding(
        code="dpcr.concentration_disagrees",
        severity="warning",
        subject=f"run {run_id}",
        message=f"In {len(wells)} of {of} wells the exported concentration does not follow from the counts at {volume_nl:.3f} nl: {', '.join(wells[:10])}.",
        advice="The counts decide; look at the export.",
    )


def _name_findings(wells: Sequence[NamedWell], *, tabled: bool) -> list[Finding]:
    """Runs of amplitudes without layout, and names that no table holds if there is one; once each."""
    without: dict[str, int] = defaultdict(int)
    unknown: dict[str, int] = defaultdict(int)
    for well in wells:
        if not well.part.sample and well.part.kind == "unknown":
            without[well.part.run_id] += 1
        elif well.part.kind == "unknown" and not well.sample_id and tabled:
            unknown[well.part.sample] += 1
    return [
        *(
            Finding(
                code="dpcr.no_layout",
                severity="warning",
                subject=f"run {run_id}",
                message=f"{count} wells are named by no plate layout: counted, but of no sample and without replicates.",
                advice="Import a plate layout of the run.",
            )
            for run_id, count in without.items()
        ),
        *(
            Finding(
                code="dpcr.unknown_sample",
                severity="warning",
                subject=f"sample {name}",
                message=f"{count} wells name {name}, which no sample or cDNA table holds: counted, but no measurement.",
                advice="Import the table, or correct the name.",
            )
            for name, count in unknown.items()
        ),
    ]


def _assumed_volumes(wells: Iterable[NamedWell]) -> list[Finding]:
    assumed: Mapping[str, NamedWell] = {
        well.part.run_id: well for well in wells if well.volume_source.startswith("row ")
    }
    return [
        Finding(
            code="dpcr.volume_assumed",
            severity="note",
            subject=f"run {run_id}",
            message=f"Partition volume {well.volume_nl:g} nl with a relative error of {well.instrument.volume_cv:.0%} is an assumption: {well.instrument.source}.",
            advice="Enter the laboratory's own value in the plate layout. Ratios to a control gene do not depend on it.",
        )
        for run_id, well in assumed.items()
        if well.instrument.status == "unverified"
    ]
