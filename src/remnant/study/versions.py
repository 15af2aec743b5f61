"""What a result was computed with: the code, the rules, and the study's own inputs, each as a short hash.

The hash of the code covers every module that a result can depend on, so that a changed line makes derived
results out of date even where the version number stood still. What only shows results or makes up studies
is left out.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Final

import sqlalchemy as sa

import remnant
from remnant.study.connection import reading
from remnant.study.handle import Study
from remnant.study.tables import DECISION, SOURCE_FILE

__all__ = ["code_version", "fingerprint", "rules_version"]

_SHOWING: Final = frozenset({"cli", "example", "report", "web"})


@functools.cache
def code_version() -> str:
    """Version of the package and hash of the modules that compute.

    Returns
    -------
    str
        For example ``"0.1.0+3f2a91bc04de"``.
    """
    return f"{remnant.__version__}+{_hash_of('**/*.py')}"


@functools.cache
def rules_version() -> str:
    """Hash of every table of `knowledge`.

    Returns
    -------
    str
        Twelve hexadecimal digits.
    """
    return _hash_of("knowledge/**/*.toml", "knowledge/**/*.csv")


def fingerprint(study: Study) -> str:
    """Hash of everything that a run depends on: active files, decisions, settings, rules and code.

    A decision on a verdict or a patient stands beside the results and changes none.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    str
        Equal for two runs that would compute the same.
    """
    with reading(study.engine) as connection:
        files = connection.execute(
            sa.select(SOURCE_FILE.c.sha256, SOURCE_FILE.c.facts_sha256)
            .where(SOURCE_FILE.c.state == "active")
            .order_by(SOURCE_FILE.c.source_id)
        ).all()
        decisions = connection.scalars(
            sa.select(DECISION.c.decision_id)
            .where(sa.not_(DECISION.c.on.like("call %")), sa.not_(DECISION.c.on.like("patient %")))
            .order_by(DECISION.c.decision_id)
        ).all()
    settings = study.settings
    content = {
        "files": [list(row) for row in files],
        "decisions": list(decisions),
        "settings": [
            settings.name,
            settings.language,
            list(settings.active_rules),
            settings.cq_source,
            settings.standard_curve,
            settings.gate,
        ],
        "rules": rules_version(),
        "own_rules": _own_rules(study),
        "code": code_version(),
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _own_rules(study: Study) -> list[list[str]]:
    """The laboratory's own rule files, by name and content."""
    files = sorted(study.rules.glob("*.toml"))
    return [[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in files]


def _hash_of(*patterns: str) -> str:
    root = Path(remnant.__file__).parent
    digest = hashlib.sha256()
    found = {path.relative_to(root) for pattern in patterns for path in root.glob(pattern)}
    for path in sorted(path for path in found if path.parts[0] not in _SHOWING):
        digest.update(path.as_posix().encode() + b"\0" + (root / path).read_bytes())
    return digest.hexdigest()[:12]
