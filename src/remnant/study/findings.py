"""What was noticed in a study: while files were read, and while results were computed."""

from __future__ import annotations

import sqlalchemy as sa

from remnant.records.finding import Finding
from remnant.study.connection import reading
from remnant.study.derived import derived_records
from remnant.study.handle import Study
from remnant.study.tables import FINDING, SOURCE_FILE

__all__ = ["all_findings", "import_findings"]


def all_findings(study: Study) -> tuple[Finding, ...]:
    """What was noticed while files were read, then while results were computed.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    tuple of Finding
        Each once.
    """
    return tuple(dict.fromkeys((*import_findings(study), *derived_records(study, Finding))))


def import_findings(study: Study) -> tuple[Finding, ...]:
    """What was noticed while the active files were read.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    tuple of Finding
        By import, then in the order of the file.
    """
    columns = [FINDING.c[name] for name in Finding.__slots__]
    query = (
        sa.select(*columns)
        .join(SOURCE_FILE, SOURCE_FILE.c.source_id == FINDING.c.source_id)
        .where(SOURCE_FILE.c.state == "active")
        .order_by(FINDING.c.source_id, FINDING.c.row_number)
    )
    with reading(study.engine) as connection:
        return tuple(Finding(**row) for row in connection.execute(query).mappings())
