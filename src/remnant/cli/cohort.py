"""Commands over patients: the cohort table, tests of association, cumulative incidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from remnant.cli.answer import Answer, command
from remnant.cli.options import StudyFolder
from remnant.cli.printed import listed, printed
from remnant.cli.results import computed
from remnant.cohort.association import associate as associate_table
from remnant.cohort.association import associate_columns
from remnant.cohort.incidence import incidence_at_landmark
from remnant.cohort.table import patients
from remnant.errors import InputError
from remnant.knowledge.cohort import landmark_rule
from remnant.records.cohort import Association
from remnant.report.cohort import tables
from remnant.study.dossiers import dossiers

__all__ = ["associate", "cohort_frame", "incidence", "table"]

Landmark = Annotated[
    str | None,
    typer.Option("--landmark", metavar="ROW", help="Landmark rule.", show_default="the default row"),
]
_SHOWN = (
    "patient_id",
    "fab",
    "age_group",
    "raised_at_diagnosis",
    "landmark_group",
    "outcome",
    "follow_up_days",
)


@command
def table(study: StudyFolder, *, landmark: Landmark = None) -> Answer:
    """One row a patient: who, raised at diagnosis, group at the landmark, outcome.

    ``--json`` and ``remnant export`` give every column.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    landmark : str or None, default None
        Row of the landmark rules.

    Returns
    -------
    Answer
        One entry a patient.
    """
    frame = cohort_frame(study, landmark)
    shown = listed(_SHOWN, frame.select(_SHOWN).iter_rows(), right=("follow_up_days",))
    return Answer(data=frame.to_dicts(), shown=(shown,))


@command
def associate(
    study: Annotated[
        Path | None, typer.Argument(metavar="STUDY", help="Folder of the study.", show_default=False)
    ] = None,
    *,
    row: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the cohort table: the groups.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the cohort table: the outcome.")
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(metavar="COUNTS", help="A table of counts in place of a study: 6,2;3,9."),
    ] = None,
) -> Answer:
    """Test two properties of patients, or a table of counts, for association: every test by its full name.

    Parameters
    ----------
    study : pathlib.Path or None, default None
        Folder of the study.
    row, column : str or None, default None
        Columns of its cohort table.
    table : str or None, default None
        Counts of a table without a study: rows are groups, parted by semicolons.

    Returns
    -------
    Answer
        Counts, shares, tests and effects with their intervals.
    """
    made = _association(study, row, column, counts=table)
    title = f"{made.row_variable} by {made.column_variable}"
    parts = (
        tables.association(made),
        tables.left_out(made),
        tables.frequencies(made.shares),
        tables.tests(made.tests, title=f"Tests of {title}"),
        tables.effects(made.effects, title=f"Effects of {title}"),
    )
    return Answer(data=made, shown=tuple(line for part in parts for line in printed(part)))


def _association(
    study: Path | None, row: str | None, column: str | None, *, counts: str | None
) -> Association:
    if counts is not None and study is None and row is None and column is None:
        return associate_table([line.split(",") for line in counts.strip(" ;").split(";")])
    if counts is None and study is not None and row is not None and column is not None:
        return associate_columns(cohort_frame(study, None), row=row, column=column)
    raise InputError(
        where="cohort associate",
        found="too many or too few of STUDY, --row, --column and --table",
        needed="either STUDY with --row and --column, or --table alone",
        advice='For example remnant cohort associate --table "6,2;3,9".',
    )


@command
def incidence(study: StudyFolder, *, landmark: Landmark = None) -> Answer:
    """Cumulative incidence of relapse from a landmark, death without relapse competing.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    landmark : str or None, default None
        Row of the landmark rules.

    Returns
    -------
    Answer
        Curves by group, tests, and who was excluded and why.
    """
    made = incidence_at_landmark(cohort_frame(study, landmark))
    parts = (
        tables.incidence(made),
        tables.tests(made.tests, title="Differences between the groups"),
        tables.excluded(made),
    )
    return Answer(data=made, shown=tuple(line for part in parts for line in printed(part)))


def cohort_frame(study: Path, landmark: str | None) -> pl.DataFrame:
    """Cohort table of a study.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    landmark : str or None
        Row of the landmark rules; None for the default.

    Returns
    -------
    polars.DataFrame
        One row a patient.
    """
    return patients(dossiers(computed(study)), rule=landmark_rule(landmark))
