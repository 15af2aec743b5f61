"""IG/TR plates of a study: wells to measurements, run by run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from remnant.assay.igtr.measure import igtr_rows, measure_igtr
from remnant.knowledge.igtr import Profile
from remnant.knowledge.rules import RuleBook
from remnant.pipeline.stages import Facts, grouped
from remnant.records.control import VarianceComponent

__all__ = ["igtr_inputs", "igtr_records"]


def igtr_inputs(known: Facts) -> dict[str, list[Any]]:
    """Everything that the result of each run depends on.

    Parameters
    ----------
    known : Facts
        Facts of the study.

    Returns
    -------
    dict of str to list of records
        Wells of the run, those of its instrument that stand in for them, and the samples in them.
    """
    samples = {one.sample_id: one for one in known.samples}
    measured = grouped(known.igtr_measured, "run_id")
    return {
        run_id: [
            *wells,
            *measured.get(run_id, ()),
            *(samples[name] for name in sorted({w.sample_id or "" for w in wells}) if name in samples),
        ]
        for run_id, wells in grouped(known.igtr_wells, "run_id").items()
    }


def igtr_records(
    known: Facts,
    runs: Collection[str],
    *,
    book: RuleBook,
    profile: Profile | None,
    variance: Sequence[VarianceComponent],
) -> Mapping[str, list[Any]]:
    """Results of some runs.

    Parameters
    ----------
    known : Facts
        Facts of the study.
    runs : collection of str
        Runs to compute.
    book : RuleBook
        Rule sets of the study.
    profile : Profile or None
        The study's choice; None for the default.
    variance : sequence of VarianceComponent
        Errors above the tube.

    Returns
    -------
    mapping of str to list of records
        Measurements, plates, assays and findings by run.
    """
    wells = grouped(known.igtr_wells, "run_id")
    measured = grouped(known.igtr_measured, "run_id")
    rows = igtr_rows(book)
    results = {}
    for run_id in runs:
        got = measure_igtr(
            wells[run_id],
            samples=known.samples,
            measured=measured.get(run_id, ()),
            profile=profile,
            rows=rows,
            variance=variance,
        )
        results[run_id] = [*got.measurements, *got.plates, *got.assays, *got.findings]
    return results
