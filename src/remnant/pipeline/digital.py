"""Digital PCR of a study: each run's partitions, its amplitudes read again from their originals.

Amplitudes are too many for the database: the originals hold them, and only runs that are out of date are
read again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from remnant.acquire import read
from remnant.assay.dpcr import quantify_partitions
from remnant.errors import NotFoundError
from remnant.knowledge.dpcr import dpcr_assays
from remnant.pipeline.stages import Facts, grouped
from remnant.records.control import VarianceComponent
from remnant.records.finding import Finding
from remnant.records.partition import Amplitudes, DigitalQuantified, Partitions
from remnant.study.facts import source_files
from remnant.study.handle import Study
from remnant.study.originals import original_bytes

__all__ = ["digital_inputs", "digital_records"]


def digital_inputs(known: Facts) -> dict[str, tuple[list[Any], ...]]:
    """What the result of each run of digital PCR depends on.

    Parameters
    ----------
    known : Facts
        What the laboratory knows.

    Returns
    -------
    dict of str to tuple of list
        By run: its wells, its layout, the run, and the cDNAs and samples that they name.
    """
    places, runs = grouped(known.plate_wells, "run_id"), grouped(known.runs, "run_id")
    tubes = {cdna.cdna_id: cdna for cdna in known.cdnas}
    of_sample = grouped(known.cdnas, "sample_id")
    samples = {sample.sample_id: sample for sample in known.samples}
    inputs: dict[str, tuple[list[Any], ...]] = {}
    for run_id, wells in grouped(known.partitions, "run_id").items():
        layout = places.get(run_id, [])
        names = {one.sample for one in (*wells, *layout)}
        cdnas = {
            one.cdna_id: one
            for name in sorted(names)
            for one in [*([tubes[name]] if name in tubes else []), *of_sample.get(name, [])]
        }
        owners = sorted(names | {one.sample_id for one in cdnas.values()})
        inputs[run_id] = (
            wells,
            layout,
            runs.get(run_id, []),
            list(cdnas.values()),
            [samples[name] for name in owners if name in samples],
        )
    return inputs


def digital_records(
    study: Study,
    inputs: Mapping[str, tuple[list[Any], ...]],
    *,
    runs: Collection[str],
    variance: tuple[VarianceComponent, ...],
) -> dict[str, list[Any]]:
    """Results of some runs.

    Parameters
    ----------
    study : Study
        The study, whose originals hold the amplitudes.
    inputs : mapping of str to tuple of list
        What `digital_inputs` gave.
    runs : collection of str
        Runs to compute.
    variance : tuple of VarianceComponent
        Errors above the tube.

    Returns
    -------
    dict of str to list of records
        Measurements, wells, decisions, findings and assays by run.
    """
    names = {source.sha256: source.name for source in source_files(study)}
    results = {}
    for run_id in runs:
        wells, layout, described, cdnas, samples = inputs[run_id]
        amplitudes, missing = _amplitudes(study, wells, names)
        got: DigitalQuantified = quantify_partitions(
            wells,
            amplitudes=amplitudes,
            layout=layout,
            runs=described,
            cdnas=cdnas,
            samples=samples,
            variance=variance,
            gate=study.settings.gate,
        )
        measured = {one.assay_id for one in got.measurements}
        results[run_id] = [
            *got.measurements,
            *got.wells,
            *got.well_uses,
            *dict.fromkeys((*missing, *got.findings)),
            *(assay for assay in dpcr_assays() if assay.assay_id in measured),
        ]
    return results


def _amplitudes(
    study: Study, wells: Iterable[Partitions], names: Mapping[str, str]
) -> tuple[list[Amplitudes], list[Finding]]:
    """Amplitudes of the wells of a run, file by file, and the originals that are gone."""
    found: list[Amplitudes] = []
    missing = []
    for sha256 in dict.fromkeys(well.amplitudes_sha256 for well in wells if well.amplitudes_sha256):
        name = names.get(sha256, sha256)
        try:
            found += read(name, original_bytes(study, sha256)).amplitudes
        except NotFoundError as error:
            missing.append(
                Finding(
                    code="dpcr.original_missing",
                    severity="failure",
                    subject=f"file {name}",
                    message=f"The original is gone ({error.found}): its wells cannot be counted.",
                    advice="Restore the study from a backup.",
                )
            )
    return found, missing
