"""A patient's own phenotype on the command line: learned at diagnosis, tracked later; and cells that differ from normal."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import typer

from remnant.assay.flow.phenotype import phenotype_text, read_phenotype
from remnant.cli.answer import Answer, command
from remnant.cli.flow_lines import said_lines
from remnant.cli.flow_tubes import file_bytes, normal_tubes, tube_of
from remnant.errors import ConflictError, FileFormatError
from remnant.pipeline.flow import Lesion
from remnant.pipeline.phenotype import different_cells, learned_phenotype, phenotype_statement
from remnant.records.phenotype import PhenotypeRule
from remnant.study.connection import plain_errors

__all__ = ["different", "learn", "track"]

Panel = Annotated[
    str,
    typer.Option(metavar="TABLE", help="Table of channel and antigen; 'labels' reads the files' own labels."),
]
Normal = Annotated[
    list[Path],
    typer.Option(
        metavar="FILE", help="Tube without disease, of the same panel; repeat for each, best five or more."
    ),
]


def _measured(rule: PhenotypeRule) -> str:
    hits = sum(one.events for one in rule.controls)
    cells = sum(one.denominator for one in rule.controls)
    return (
        f"Calls {100 * rule.recall:.3g} % of {rule.blasts:,} diagnostic blasts, and {hits:,} of {cells:,} {rule.denominator} "
        f"of {len(rule.controls)} normal tubes, by trees that did not see them."
    )


@command
def learn(
    diagnosis: Annotated[Path, typer.Argument(metavar="DIAGNOSIS", help="FCS file rich in blasts.")],
    *,
    blasts: Annotated[
        str, typer.Option(metavar="NAME", help="Compartment of the blasts, or a channel above 0 for them.")
    ],
    normal: Normal,
    out: Annotated[Path, typer.Option(metavar="RULE", help="File to write; it may not exist.")],
    panel: Panel = "labels",
    trees: Annotated[int, typer.Option(min=10, help="Rounds of boosting.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same rule.")] = 1,
) -> Answer:
    """Learn the patient's phenotype: which cells look like the blasts of the diagnosis and unlike normal cells.

    Parameters
    ----------
    diagnosis : pathlib.Path
        FCS file of the diagnosis.
    blasts : str
        Compartment, or channel of labels.
    normal : list of pathlib.Path
        FCS files without disease.
    out : pathlib.Path
        Rule to write.
    panel : str, default "labels"
        Table of channel and antigen, or ``labels``.
    trees : int, default 100
        Rounds of boosting.
    seed : int, default 1
        Seed.

    Returns
    -------
    Answer
        Background and recall as they were measured.
    """
    if out.exists():
        raise ConflictError(
            where=str(out), found="a file", needed="a new name", advice="Choose another, or delete it."
        )
    rule = learned_phenotype(
        tube_of(diagnosis, panel),
        normal_tubes(normal, panel),
        gate=blasts,
        diagnosis_sha256=hashlib.sha256(file_bytes(diagnosis)).hexdigest(),
        trees=trees,
        seed=seed,
    )
    with plain_errors(str(out)):
        out.write_text(phenotype_text(rule), encoding="utf-8")
    data = {
        "rule": out,
        "antigens": rule.antigens,
        "recall": rule.recall,
        "recall_dispersion": rule.recall_dispersion,
        "controls": rule.controls,
        "denominator": rule.denominator,
        "blasts": rule.blasts,
    }
    shown = (f"Phenotype of {rule.diagnosis} on {', '.join(rule.antigens)}.", _measured(rule), f"Rule: {out}")
    return Answer(data=data, shown=shown)


@command
def track(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="FCS file of the follow-up.")],
    *,
    rule: Annotated[Path, typer.Option(metavar="RULE", help="Rule that `phenotype learn` wrote.")],
    controls: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Further tube without disease; repeat for each."),
    ] = None,
    panel: Panel = "labels",
    lesion: Annotated[Lesion, typer.Option(help="Whose rules of sufficiency apply.")] = "ALL",
    material: Annotated[
        Literal["BM", "PB"] | None, typer.Option(help="Material; marrow is looked at for dilution by blood.")
    ] = None,
) -> Answer:
    """State residual cells of the patient's own phenotype in a later tube.

    Parameters
    ----------
    file : pathlib.Path
        FCS file.
    rule : pathlib.Path
        Stored rule.
    controls : list of pathlib.Path or None, default None
        Further tubes without disease: their counts stand beside those of learning.
    panel : str, default "labels"
        Table of channel and antigen, or ``labels``.
    lesion : {"AML", "ALL", "LSC"}, default "ALL"
        Whose rules apply.
    material : {"BM", "PB"} or None, default None
        Material of the tube.

    Returns
    -------
    Answer
        The statement.
    """
    try:
        text = file_bytes(rule).decode()
    except UnicodeDecodeError as error:
        raise FileFormatError(
            where=f"file {rule.name}",
            found="no text",
            needed="a file that `remnant phenotype learn` wrote",
            advice="Learn the phenotype again from the diagnosis.",
        ) from error
    known = read_phenotype(rule.name, text)
    said = phenotype_statement(
        known, tube_of(file, panel), controls=normal_tubes(controls, panel), lesion=lesion, material=material
    )
    return Answer(
        data={"file": file.name, "mrd": said, "recall": known.recall},
        shown=(_measured(known), *said_lines(said)),
    )


@command
def different(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="FCS file to look at.")],
    *,
    normal: Normal,
    panel: Panel = "labels",
    seed: Annotated[int, typer.Option(help="The same seed gives the same rule.")] = 1,
) -> Answer:
    """Count cells that are unlike normal cells, with the false-positive rate on held-out normal cells.

    Parameters
    ----------
    file : pathlib.Path
        FCS file.
    normal : list of pathlib.Path
        FCS files without disease; of two or more the last is held out.
    panel : str, default "labels"
        Table of channel and antigen, or ``labels``.
    seed : int, default 1
        Seed.

    Returns
    -------
    Answer
        Counts and rates.
    """
    found = different_cells(tube_of(file, panel), normal_tubes(normal, panel), seed=seed)
    shown = (
        f"{file.name}: {found.called:,} of {found.events:,} events ({100 * found.share:.3g} %) differ from normal cells.",
        (
            f"Held-out normal cells, {found.held_out}: {found.held_out_called:,} of {found.held_out_events:,} "
            f"({100 * found.held_out_share:.3g} %, {100 * found.held_out_lower:.3g} to {100 * found.held_out_upper:.3g} %); "
            f"asked {100 * found.asked:.3g} %."
        ),
        "Density alone hardly sees blasts that lie among normal cells: no statement about residual disease. Research use only.",
    )
    return Answer(data=found, shown=shown)
