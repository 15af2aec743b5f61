"""Wells in columns: what each well holds, its exposure, and the first decision about it.

Names in wells are resolved to cDNAs and samples here, targets to gene symbols. Exposure is microlitres of
undiluted cDNA: the well's volume, else the run's, divided by the dilution. A material that states no volume
in a run has equal wells of exposure 1, and a finding says so; one that states some leaves out the wells that
state none, since only wells of one material are ever compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from remnant.assay.qpcr.plate_findings import plate_findings
from remnant.errors import MeasurementError
from remnant.knowledge.assays import gene_symbol
from remnant.knowledge.qpcr import WellAssumptions, well_assumptions
from remnant.records.finding import Finding, material_subject
from remnant.records.run import Assay, Run, Well
from remnant.records.sample import Cdna, Sample

__all__ = ["USED", "well_frame"]

USED: Final = "used"

_SCHEMA: Final = {
    "run_id": pl.String(),
    "position": pl.String(),
    "written": pl.String(),
    "name": pl.String(),
    "kind": pl.String(),
    "detected": pl.Boolean(),
    "cq": pl.Float64(),
    "standard_copies": pl.Float64(),
    "cdna_ul": pl.Float64(),
    "dilution": pl.Float64(),
    "excluded": pl.String(),
}
_FIELD: Final = {"written": "target", "name": "sample"}
_ROLE: Final = {
    "unknown": "sample",
    "standard": "standard",
    "ntc": "blank",
    "no_rt": "no_rt",
    "negative_control": "internal",
    "positive_control": "internal",
    "calibrator": "internal",
}


def _columns(wells: Sequence[Well]) -> pl.DataFrame:
    data = {name: [getattr(well, _FIELD.get(name, name)) for well in wells] for name in _SCHEMA}
    return pl.DataFrame(data, schema=_SCHEMA, strict=False).with_row_index("well")


def _refuse_impossible(frame: pl.DataFrame) -> None:
    """Every well that cannot be, in one error."""
    label = pl.format("well {}:{} {}", "run_id", "position", "written")
    checks = {
        "Cq is not a positive number": pl.col("cq").is_not_null()
        & ~(pl.col("cq").is_finite() & (pl.col("cq") > 0)),
        "not detected, but with a Cq": (pl.col("detected") == False) & pl.col("cq").is_not_null(),  # noqa: E712 - a polars expression
        "standard copies are not positive": pl.col("standard_copies").is_not_null()
        & ~(pl.col("standard_copies") > 0),
        "cDNA volume is not positive": pl.col("cdna_ul").is_not_null() & ~(pl.col("cdna_ul") > 0),
        "dilution is not positive": ~(pl.col("dilution") > 0),
        "stands twice": pl.struct("run_id", "position", "written").is_duplicated(),
    }
    problems = [
        f"{text}: {what}"
        for what, wrong in checks.items()
        for text in frame.filter(wrong.fill_null(value=False)).select(label.alias("label"))["label"]
    ]
    if problems:
        raise MeasurementError(
            where="wells",
            found=f"{len(problems)} impossible wells",
            needed="positive Cq, copies, volumes and dilutions, and each well once",
            advice="Correct the file and import it again.",
            problems=problems,
        )


def _resolve(
    frame: pl.DataFrame, cdnas: Sequence[Cdna], samples: Sequence[Sample]
) -> tuple[pl.DataFrame, list[Finding]]:
    """Columns cdna_id and sample_id; null where a name means nothing known."""
    known = {sample.sample_id: sample for sample in samples}
    by_sample: dict[str, list[str]] = {}
    for cdna in cdnas:
        by_sample.setdefault(cdna.sample_id, []).append(cdna.cdna_id)
    meaning = {name: (ids[0] if len(ids) == 1 else name, name) for name, ids in by_sample.items()}
    meaning.update({name: (name, name) for name in known if name not in by_sample})
    meaning.update({cdna.cdna_id: (cdna.cdna_id, cdna.sample_id) for cdna in cdnas})
    names = pl.DataFrame(
        {
            "name": list(meaning),
            "cdna_id": [cdna for cdna, _ in meaning.values()],
            "sample_id": [sample for _, sample in meaning.values()],
            "is_control": [s in known and known[s].reason == "control" for _, s in meaning.values()],
            "has_sample": [s in known for _, s in meaning.values()],
        },
        schema={
            "name": pl.String,
            "cdna_id": pl.String,
            "sample_id": pl.String,
            "is_control": pl.Boolean,
            "has_sample": pl.Boolean,
        },
    )
    joined = frame.join(names, on="name", how="left", maintain_order="left").with_columns(
        pl.when((pl.col("role") == "sample") & pl.col("is_control"))
        .then(pl.lit("internal"))
        .otherwise("role")
        .alias("role")
    )
    internal = pl.col("role") == "internal"
    joined = joined.with_columns(
        pl.when(internal).then(pl.coalesce("cdna_id", "name")).otherwise("cdna_id").alias("cdna_id"),
        pl.when(internal).then(pl.coalesce("sample_id", "name")).otherwise("sample_id").alias("sample_id"),
        (internal | pl.col("has_sample").fill_null(value=False)).alias("resolved"),
    )
    findings = [
        Finding(
            code="qpcr.ambiguous_cdna",
            severity="warning",
            subject=f"sample {name}",
            message=f"The wells name sample {name}, which was transcribed {len(ids)} times: they are taken as a cDNA of its own.",
            advice="Write the cDNA code into the wells.",
        )
        for name, ids in by_sample.items()
        if len(ids) > 1 and name in set(joined.filter(pl.col("role") == "sample")["name"])
    ]
    return joined, findings


def _exposures(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Finding]]:
    """Column exposure; null where a material states volumes but not for this well, and exposure_known."""
    material = ["run_id", "name"]
    frame = frame.with_columns(pl.coalesce("cdna_ul", "run_ul").alias("volume_ul"))
    stated = (
        frame.filter(pl.col("role").is_in(["sample", "internal"]))
        .group_by(material, maintain_order=True)
        .agg(
            pl.col("volume_ul").is_not_null().sum().alias("stated"),
            pl.len().alias("wells"),
            pl.first("sample_id"),
        )
    )
    known = stated.select(*material, (pl.col("stated") > 0).alias("exposure_known"))
    frame = (
        frame.join(known, on=material, how="left", maintain_order="left")
        .with_columns(pl.col("exposure_known").fill_null(value=True))
        .with_columns(
            pl.when(pl.col("exposure_known"))
            .then(pl.col("volume_ul") / pl.col("dilution"))
            .otherwise(1.0 / pl.col("dilution"))
            .alias("exposure")
        )
    )
    assumed = stated.filter(pl.col("stated") == 0).group_by("run_id", maintain_order=True).len()
    findings = [
        Finding(
            code="qpcr.exposure_assumed",
            severity="note",
            subject=f"run {run_id}",
            message=f"No cDNA volume is stated for {count} material{'' if count == 1 else 's'}: all wells of one material are taken to hold the same.",
            advice="Enter the volume of cDNA a well if target and control gene differ.",
        )
        for run_id, count in assumed.iter_rows()
    ]
    partly = stated.filter((pl.col("stated") > 0) & (pl.col("stated") < pl.col("wells")))
    findings += [
        Finding(
            code="qpcr.exposure_missing",
            severity="failure",
            subject=material_subject(row["name"], row["sample_id"]),
            message=f"{row['wells'] - row['stated']} of {row['wells']} wells state no cDNA volume while the others do: they are left out.",
            where=f"run {row['run_id']}",
            advice="Enter the volume of every well, or one for the run.",
        )
        for row in partly.iter_rows(named=True)
    ]
    return frame, findings


def _decide(frame: pl.DataFrame, assays: Sequence[Assay]) -> pl.DataFrame:
    """First decision and reason; wells still in play are `USED`."""
    measured = {assay.target for assay in assays} | {assay.control for assay in assays}
    silent = pl.col("detected") == False  # noqa: E712 - a polars expression
    sampled = pl.col("role").is_in(["sample", "internal"])
    rules = [
        (pl.col("excluded").is_not_null(), "excluded by the laboratory", pl.col("excluded")),
        (
            pl.col("detected").is_null() | (~silent & pl.col("cq").is_null()),
            "no Cq stored",
            pl.lit("The file stores no quantification cycle for this well."),
        ),
        (
            (pl.col("role") == "standard") & pl.col("standard_copies").is_null(),
            "no copies stated",
            pl.lit("A standard without its nominal copies cannot calibrate."),
        ),
        (
            (pl.col("role") == "standard") & silent,
            "silent standard",
            pl.format("No signal from {} nominal copies.", pl.col("standard_copies")),
        ),
        (
            pl.col("role").is_in(["blank", "no_rt"]),
            "control well",
            pl.when(silent)
            .then(pl.lit("No signal, as it should be."))
            .otherwise(pl.format("Signal at Cq {}.", pl.col("cq").round(2))),
        ),
        (sampled & ~pl.col("resolved"), "unknown sample", pl.format("No sample or cDNA {}.", "name")),
        (
            sampled & ~pl.col("target").is_in([name for name in measured if name]),
            "no assay",
            pl.format("No assay measures {}.", "target"),
        ),
        (
            sampled & pl.col("exposure").is_null(),
            "no exposure",
            pl.lit("No cDNA volume is stated, while other wells of the material state one."),
        ),
    ]
    decision, reason = pl.lit(USED), pl.lit("")
    for wrong, text, why in reversed(rules):
        decision = pl.when(wrong).then(pl.lit(text)).otherwise(decision)
        reason = pl.when(wrong).then(why).otherwise(reason)
    return frame.with_columns(decision.alias("decision"), reason.alias("reason"))


def _name_findings(frame: pl.DataFrame) -> list[Finding]:
    """What was not understood, once for each name."""
    findings = [
        Finding(
            code="qpcr.target_spelling",
            severity="note",
            subject=f"target {written}",
            message=f"{written} is read as {target}.",
        )
        for written, target in frame.filter(pl.col("written") != pl.col("target"))
        .select("written", "target")
        .unique(maintain_order=True)
        .iter_rows()
    ]
    for decision, code, subject, advice in (
        ("unknown sample", "qpcr.unknown_sample", "name", "Add it to the sample table, or correct the name."),
        ("no assay", "qpcr.no_assay", "target", "Declare an assay that measures it, or leave it."),
    ):
        counted = frame.filter(pl.col("decision") == decision).group_by(subject, maintain_order=True).len()
        findings += [
            Finding(
                code=code,
                severity="warning" if subject == "name" else "note",
                subject=f"{'sample' if subject == 'name' else 'target'} {value}",
                message=f"{count} wells name {value}, which no {'sample' if subject == 'name' else 'assay'} table holds: not quantified.",
                advice=advice,
            )
            for value, count in counted.iter_rows()
        ]
    missing = frame.filter(pl.col("decision") == "no Cq stored").group_by("run_id", maintain_order=True).len()
    findings += [
        Finding(
            code="qpcr.no_cq",
            severity="warning",
            subject=f"run {run_id}",
            message=f"{count} wells store no quantification cycle: they are neither positive nor negative.",
            advice="Export the run with its Cq values.",
        )
        for run_id, count in missing.iter_rows()
    ]
    return findings


def well_frame(
    wells: Sequence[Well],
    *,
    runs: Sequence[Run] = (),
    cdnas: Sequence[Cdna] = (),
    samples: Sequence[Sample] = (),
    assays: Sequence[Assay] = (),
    assumptions: WellAssumptions | None = None,
) -> tuple[pl.DataFrame, list[Finding]]:
    """Wells in columns with their first decision.

    Parameters
    ----------
    wells : sequence of Well
        Wells of any number of runs.
    runs, cdnas, samples : sequence of records
        What the wells refer to.
    assays : sequence of Assay
        What is measured.
    assumptions : WellAssumptions or None, default None
        Detection probability of one molecule; None takes the table.

    Returns
    -------
    frame : polars.DataFrame
        One row a well, in the order given: ``well, run_id, position, written, target, name, role, detected,
        cq, standard_copies, exposure, exposure_known, cdna_id, sample_id, cycles, run_on, decision, reason``.
    findings : list of Finding
        What was assumed or not understood.

    Raises
    ------
    MeasurementError
        If a well cannot be: all such wells are named at once.
    """
    frame = _columns(wells)
    _refuse_impossible(frame)
    spelling = {written: gene_symbol(written) for written in frame["written"].unique()}
    volumes = pl.DataFrame(
        {
            "run_id": [run.run_id for run in runs],
            "run_ul": [run.cdna_ul_per_well for run in runs],
            "cycles": [run.cycles for run in runs],
            "run_on": [run.run_on for run in runs],
        },
        schema={"run_id": pl.String, "run_ul": pl.Float64, "cycles": pl.Float64, "run_on": pl.Date},
    )
    # A run may be described twice, by its plate and by a run sheet: each field from whoever states it.
    volumes = volumes.group_by("run_id", maintain_order=True).agg(pl.all().drop_nulls().first())
    frame = frame.with_columns(
        _recode("written", spelling).alias("target"), _recode("kind", _ROLE).alias("role")
    ).join(volumes, on="run_id", how="left", maintain_order="left")
    frame, ambiguous = _resolve(frame, cdnas, samples)
    frame, exposed = _exposures(frame)
    frame = _decide(frame, assays)
    return frame, [
        *ambiguous,
        *exposed,
        *_name_findings(frame),
        *plate_findings(frame, assumptions or well_assumptions()),
    ]


def _recode(column: str, mapping: Mapping[str, str]) -> pl.Expr:
    return pl.col(column).replace(mapping)
