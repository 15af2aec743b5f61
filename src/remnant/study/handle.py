"""The frozen handle of a study: its folder, its settings, and the way to its database.

It holds no open connection; every verb of this package opens its own transaction.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from remnant.knowledge.calibration import CurveChoice
from remnant.knowledge.igtr import Profile

__all__ = ["CQ_SOURCES", "GATES", "CqSource", "GateChoice", "Settings", "Study"]

CqSource = Literal["instrument", "ours", "combined"]
CQ_SOURCES: tuple[str, ...] = CqSource.__args__  # type: ignore[attr-defined]
GateChoice = Literal["control", "two-colour"]
GATES: tuple[str, ...] = GateChoice.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What ``study.toml`` says.

    Attributes
    ----------
    name : str
        Name of the study.
    created : datetime.date
        Day it was made.
    language : {"en", "ru", "de"}
        Language of pages and reports.
    database : str or None
        SQLAlchemy address of the database; None for ``study.db`` in the folder.
    active_rules : tuple of str
        Identifiers of rows of `knowledge` that this study applies; empty for the defaults.
    cq_source : {"instrument", "ours", "combined"}
        Which Cq is quantified: the one under the laboratory's threshold, the one read from the curve, or several
        cycles of the curve combined by weights that the standards of the laboratory's other assays teach.
    standard_curve : {"own", "laboratory"}
        Whether an assay is read by its own standards alone, or may borrow from the standards of the laboratory's
        other assays; one without standards is then read by their line.
    igtr_profile : {"avoid false negative", "avoid false positive"} or None
        EuroMRD's interpretation that makes the state of an IG/TR sample; None for the default.
    gate : {"control", "two-colour"}
        How the amplitudes of digital PCR are gated: a threshold a channel, or four clusters of two colours.
    """

    name: str
    created: dt.date
    language: str = "en"
    database: str | None = None
    active_rules: tuple[str, ...] = ()
    cq_source: CqSource = "instrument"
    standard_curve: CurveChoice = "own"
    igtr_profile: Profile | None = None
    gate: GateChoice = "control"


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Handle of one study.

    Attributes
    ----------
    folder : pathlib.Path
        The study's folder, absolute.
    settings : Settings
        What ``study.toml`` says.
    engine : sqlalchemy.Engine
        Way to the database; holds no connection.
    """

    folder: Path
    settings: Settings
    engine: sa.Engine

    @property
    def inbox(self) -> Path:
        """Folder where new files are dropped.

        Returns
        -------
        pathlib.Path
            ``inbox/``.
        """
        return self.folder / "inbox"

    @property
    def originals(self) -> Path:
        """Folder of the imported originals.

        Returns
        -------
        pathlib.Path
            ``originals/``.
        """
        return self.folder / "originals"

    @property
    def rules(self) -> Path:
        """Folder of the laboratory's own rule sets and conversion factors.

        Returns
        -------
        pathlib.Path
            ``rules/``; it need not exist.
        """
        return self.folder / "rules"
