"""The amplification curves of a study: read from the originals, judged once a file.

Curves stay in the originals; what we read off them is a derived result like any other, one key a file. It is
computed when the file is imported, while its curves are at hand, and again only when the rules or the code
change, because an original never does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from remnant.acquire import read
from remnant.acquire.columns import KINDS
from remnant.assay.qpcr.amplification import read_plates
from remnant.assay.qpcr.amplification_combined import combined_results
from remnant.assay.qpcr.amplification_cq import cq_findings, disagreements, with_our_cq
from remnant.assay.qpcr.amplification_plateaus import leveled_results
from remnant.assay.qpcr.amplification_traces import traces
from remnant.errors import RemnantError
from remnant.records.acquired import Acquired
from remnant.records.amplification import CurveResult, CurveTrace
from remnant.records.finding import Finding
from remnant.records.run import Run, SourceFile, Well
from remnant.study.derived import current_hashes, derived_records, stored_keys, write_derived
from remnant.study.facts import source_files
from remnant.study.handle import Study
from remnant.study.originals import original_bytes

__all__ = ["curve_records", "keep_curves", "quantified_wells", "read_study_curves"]

STAGE: Final = "curves"
_TABLES: Final = frozenset(kind.name for kind in KINDS)


def read_study_curves(
    study: Study, runs: Sequence[Run], *, tell: Callable[[str, int, int], None]
) -> tuple[int, int, int]:
    """Read the curves of the files that have not been read with today's rules and code.

    Parameters
    ----------
    study : Study
        The study.
    runs : sequence of Run
        Its runs; their files are read, tables without curves are not.
    tell : callable
        Told stage, done and total.

    Returns
    -------
    tuple of int
        Files that were read, that were current, and that exist no longer.
    """
    wanted = {run.source_sha256 for run in runs}
    sources = {
        source.sha256: source
        for source in source_files(study)
        if source.sha256 in wanted and not set(source.format.split(" + ")) <= _TABLES
    }
    current = current_hashes(study, STAGE)
    stale = [sha256 for sha256 in sources if current.get(sha256) != sha256]
    gone = sorted(set(stored_keys(study, STAGE)) - set(sources))
    results: dict[str, tuple[str, Sequence[Any]]] = {}
    for done, sha256 in enumerate(stale, start=1):
        results[sha256] = (sha256, _of_file(study, sources[sha256]))
        tell(STAGE, done, len(stale))
    write_derived(study, STAGE, results, remove=gone)
    return len(stale), len(sources) - len(stale), len(gone)


def _of_file(study: Study, source: SourceFile) -> Sequence[CurveResult | CurveTrace | Finding]:
    try:
        acquired = read(source.name, original_bytes(study, source.sha256))
    except RemnantError as error:
        return [
            Finding(
                code="curve.original_unreadable",
                severity="warning",
                subject=f"file {source.name}",
                message=f"The curves of {source.name} could not be read: {error.found}.",
                advice="Its wells count; import the file again to see all problems.",
            )
        ]
    return curve_records(acquired)


def curve_records(acquired: Acquired) -> Sequence[CurveResult | CurveTrace | Finding]:
    """What is read off the curves of one file.

    Parameters
    ----------
    acquired : Acquired
        The file, its curves included.

    Returns
    -------
    sequence of CurveResult, CurveTrace and Finding
        Empty if it has no curves; traces of the wells that are to be looked at.
    """
    if not acquired.curves:
        return []
    results, plateaus = leveled_results(acquired.wells, read_plates(acquired.curves).records())
    apart = disagreements(acquired.wells, results)
    return [*results, *traces(acquired.curves, results, apart), *plateaus, *cq_findings(apart)]


def keep_curves(study: Study, sha256: str, records: Sequence[CurveResult | CurveTrace | Finding]) -> None:
    """Keep what was read off a file's curves while it was imported.

    Parameters
    ----------
    study : Study
        The study, which holds the file.
    sha256 : str
        The file.
    records : sequence of CurveResult, CurveTrace and Finding
        As `curve_records` gives them.
    """
    write_derived(study, STAGE, {sha256: (sha256, records)}, remove=())


def quantified_wells(
    study: Study, wells: Sequence[Well], runs: Sequence[Run]
) -> tuple[tuple[Well, ...], tuple[Finding, ...]]:
    """The wells as the study's setting wants them quantified.

    Parameters
    ----------
    study : Study
        The study, its curves read.
    wells : sequence of Well
        With the instrument's Cq.
    runs : sequence of Run
        For the instruments whose curves are combined alike.

    Returns
    -------
    wells : tuple of Well
        The same, or with our Cq if ``cq_source = "ours"``, or with several of our cycles combined if
        ``cq_source = "combined"``.
    findings : tuple of Finding
        What could not be replaced, and how cycles were combined.
    """
    if study.settings.cq_source == "instrument":
        return tuple(wells), ()
    results = derived_records(study, CurveResult)
    if study.settings.cq_source == "ours":
        return with_our_cq(wells, results)
    combined, _, said = combined_results(wells, results, runs)
    replaced, findings = with_our_cq(wells, combined)
    return replaced, (*said, *findings)
