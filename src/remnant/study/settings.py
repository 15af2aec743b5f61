"""``study.toml``: read strictly, written in full; and the handle of the study that it describes.

Nothing here looks into the database, so that a command which finds nothing to do has loaded nothing else.
"""

from __future__ import annotations

import datetime as dt
import json
import tomllib
from pathlib import Path
from typing import Final

from remnant.errors import InputError, NotFoundError
from remnant.knowledge.calibration import CURVE_CHOICES
from remnant.knowledge.igtr import PROFILES
from remnant.study.connection import make_engine
from remnant.study.handle import CQ_SOURCES, GATES, Settings, Study

__all__ = ["LANGUAGES", "SETTINGS_FILE", "as_toml", "handle", "known_language", "located"]

LANGUAGES: Final = ("en", "ru", "de")

SETTINGS_FILE: Final = "study.toml"
"""What makes a folder a study; written last."""
_SECTIONS: Final = {
    "study": ("name", "created", "language", "database"),
    "rules": ("active",),
    "qpcr": ("cq_source", "standard_curve"),
    "igtr": ("profile",),
    "dpcr": ("gate",),
}


def located(folder: Path | str) -> Study:
    """The study in a folder, as its settings describe it; its database may be an older one.

    Parameters
    ----------
    folder : path-like
        The study's folder.

    Returns
    -------
    Study
        Its handle.

    Raises
    ------
    NotFoundError
        If there is no study, or its database is gone.
    InputError
        If ``study.toml`` cannot be read.
    """
    folder = Path(folder).resolve()
    path = folder / SETTINGS_FILE
    if not path.is_file():
        raise NotFoundError(
            where=str(folder),
            found=f"no {SETTINGS_FILE}",
            needed="the folder of a study",
            advice="Make one with `remnant init FOLDER`, or name the folder that holds it.",
        )
    study = handle(folder, _read_settings(path))
    if study.settings.database is None and not (folder / "study.db").is_file():
        raise NotFoundError(
            where=str(folder),
            found="no study.db",
            needed="the study's database",
            advice="Restore it from a backup: an empty one would hide what was imported.",
        )
    return study


def handle(folder: Path, settings: Settings) -> Study:
    """Handle of a study, and the way to its database.

    Parameters
    ----------
    folder : pathlib.Path
        Its folder, absolute.
    settings : Settings
        Its settings.

    Returns
    -------
    Study
        Nothing is opened yet.
    """
    address = settings.database or f"sqlite:///{folder / 'study.db'}"
    return Study(folder=folder, settings=settings, engine=make_engine(address))


def known_language(language: str, *, where: str) -> str:
    """The language, if pages can be written in it.

    Parameters
    ----------
    language : str
        As it is set.
    where : str
        Where it was given, for the message.

    Returns
    -------
    str
        The same.

    Raises
    ------
    InputError
        If it is none of `LANGUAGES`.
    """
    if language not in LANGUAGES:
        raise InputError(
            where=where, found=repr(language), needed=", ".join(LANGUAGES), advice="Choose one of these."
        )
    return language


def as_toml(settings: Settings) -> str:
    """Settings as text; JSON strings and lists of them are valid TOML.

    Parameters
    ----------
    settings : Settings
        What to write.

    Returns
    -------
    str
        The content of ``study.toml``.
    """
    lines = [
        "[study]",
        f"name = {json.dumps(settings.name, ensure_ascii=False)}",
        f"created = {settings.created.isoformat()}",
        f"language = {json.dumps(settings.language)}",
    ]
    if settings.database is not None:
        lines.append(f"database = {json.dumps(settings.database)}")
    lines += [
        "",
        "[rules]",
        "# Identifiers of the rule rows that this study applies; empty for the defaults.",
        f"active = {json.dumps(list(settings.active_rules))}",
        "",
        "[qpcr]",
        "# Which Cq is quantified: the instrument's, ours, read from the amplification curves, or several of",
        "# ours combined, by weights that the standards of other assays teach.",
        f"cq_source = {json.dumps(settings.cq_source)}",
        "# Whose standards read an assay: its own, or, for an assay with few plates or without standards, those",
        "# of the laboratory's other assays too.",
        f"standard_curve = {json.dumps(settings.standard_curve)}",
        "",
        "[dpcr]",
        "# How amplitudes of partitions are gated: control, a threshold a channel, or two-colour, four clusters.",
        f"gate = {json.dumps(settings.gate)}",
    ]
    if settings.igtr_profile is not None:
        lines += ["", "[igtr]", f"profile = {json.dumps(settings.igtr_profile)}"]
    return "\n".join(lines) + "\n"


def _read_settings(path: Path) -> Settings:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            where=str(path), found=str(error), needed="valid TOML in UTF-8", advice="Mend the file."
        ) from error
    problems = _setting_problems(content)
    if problems:
        raise InputError(
            where=str(path),
            found=f"{len(problems)} problems",
            needed="[study] with name and created, and [rules]",
            advice="Mend the file.",
            problems=problems,
        )
    study = content["study"]
    return Settings(
        name=study["name"],
        created=study["created"],
        language=known_language(study.get("language", "en"), where=f"{path}, language"),
        database=study.get("database"),
        active_rules=tuple(content.get("rules", {}).get("active", ())),
        cq_source=content.get("qpcr", {}).get("cq_source", "instrument"),
        standard_curve=content.get("qpcr", {}).get("standard_curve", "own"),
        igtr_profile=content.get("igtr", {}).get("profile"),
        gate=content.get("dpcr", {}).get("gate", "control"),
    )


def _setting_problems(content: dict[str, object]) -> list[str]:
    """What is missing, of the wrong type or unknown; an unknown key may be a misspelled one."""
    tables: dict[str, dict[str, object]] = {}
    for section in _SECTIONS:
        table = content.get(section, {})
        if not isinstance(table, dict):
            return [f"{', '.join(_SECTIONS)} must be sections"]
        tables[section] = table
    study, rules = tables["study"], tables["rules"]
    problems = [f"unknown section [{name}]" for name in content if name not in _SECTIONS]
    for section, table in tables.items():
        problems += [f"unknown key {section}.{key}" for key in table if key not in _SECTIONS[section]]
    for key, kind in (("name", str), ("created", dt.date), ("language", str), ("database", str)):
        required = key in {"name", "created"}
        if (required or key in study) and not isinstance(study.get(key), kind):
            problems.append(f"study.{key}: found {study.get(key)!r}, need a {kind.__name__}")
    active = rules.get("active", [])
    if not isinstance(active, list) or not all(isinstance(item, str) for item in active):
        problems.append(f"rules.active: found {active!r}, need a list of texts")
    source = tables["qpcr"].get("cq_source", "instrument")
    if source not in CQ_SOURCES:
        problems.append(f"qpcr.cq_source: found {source!r}, need one of {', '.join(CQ_SOURCES)}")
    choice = tables["qpcr"].get("standard_curve", "own")
    if choice not in CURVE_CHOICES:
        problems.append(f"qpcr.standard_curve: found {choice!r}, need one of {', '.join(CURVE_CHOICES)}")
    profile = tables["igtr"].get("profile")
    if profile is not None and profile not in PROFILES:
        problems.append(f"igtr.profile: found {profile!r}, need one of {', '.join(PROFILES)}")
    gate = tables["dpcr"].get("gate", "control")
    if gate not in GATES:
        problems.append(f"dpcr.gate: found {gate!r}, need one of {', '.join(GATES)}")
    return problems
