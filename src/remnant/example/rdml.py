"""Writes made-up runs as RDML 1.3: Cq and fluorescence of every well, the same bytes every time.

One target a well; a well without Cq has the Cq -1, as the format asks. The document says in its text that
it is synthetic.

References
----------
Lefever et al., RDML: structured language and reporting guidelines for real-time quantitative PCR data,
Nucleic Acids Research 37, 2065-2069 (2009); schema version 1.3.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from remnant.example.reactions import TARGETS
from remnant.records.run import Run, Well

__all__ = ["SYNTHETIC", "rdml_bytes", "zipped"]

SYNTHETIC: Final = "Synthetic data, made up by the remnant simulator: no patient, no laboratory."
"""Sentence that every file with room for one carries."""

_TYPES: Final = {
    "unknown": "unkn",
    "standard": "std",
    "ntc": "ntc",
    "no_rt": "nrt",
    "negative_control": "nac",
    "positive_control": "pos",
    "calibrator": "opt",
}
_COLUMNS: Final = 12


def rdml_bytes(
    runs: Sequence[tuple[Run, Sequence[Well]]],
    fluorescence: Mapping[tuple[str, str, str], NDArray[np.float64]],
    *,
    experiment: str = "",
) -> bytes:
    """One RDML file.

    Parameters
    ----------
    runs : sequence of (Run, sequence of Well)
        Runs with their wells, at least one.
    fluorescence : mapping of (run, position, target) to ndarray of float, shape (n_cycles,)
        Curves from cycle 1 on; a well without one is written with its Cq only.
    experiment : str, default ""
        Name of the experiment; run ids begin with it and a slash if the file holds several runs.

    Returns
    -------
    bytes
        A zip archive with ``rdml_data.xml``.
    """
    return zipped("rdml_data.xml", "".join(_document(runs, fluorescence, experiment)).encode())


def zipped(member: str, content: bytes) -> bytes:
    """A zip archive with one member, without time stamps.

    Parameters
    ----------
    member : str
        Name of the member.
    content : bytes
        Its content.

    Returns
    -------
    bytes
        The archive.
    """
    info = zipfile.ZipInfo(member, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, content)
    return buffer.getvalue()


def _document(
    runs: Sequence[tuple[Run, Sequence[Well]]],
    fluorescence: Mapping[tuple[str, str, str], NDArray[np.float64]],
    experiment: str,
) -> Iterator[str]:
    made = max(str(run.run_on) for run, _ in runs)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield '<rdml xmlns="http://www.rdml.org" version="1.3">'
    yield f"<dateMade>{made}T17:00:00</dateMade><dateUpdated>{made}T17:00:00</dateUpdated>"
    yield f'<documentation id="synthetic"><text>{SYNTHETIC}</text></documentation>'
    yield '<dye id="FAM"/>\n'
    yield from _samples(well for _, wells in runs for well in wells)
    for gene in TARGETS:
        kind = "ref" if gene == "ABL1" else "toi"
        yield f'<target id="{gene}"><type>{kind}</type><dyeId id="FAM"/></target>\n'
    yield f"<experiment id={quoteattr(experiment or runs[0][0].run_id)}><description>{SYNTHETIC}</description>"
    for run, wells in runs:
        yield from _run(run, wells, fluorescence, name=run.run_id.removeprefix(f"{experiment}/"))
    yield "</experiment></rdml>\n"


def _samples(wells: Iterator[Well]) -> Iterator[str]:
    for well in {well.sample: well for well in wells}.values():
        quantity = (
            f"<quantity><value>{well.standard_copies!r}</value><unit>cop</unit></quantity>"
            if well.standard_copies is not None
            else ""
        )
        yield f"<sample id={quoteattr(well.sample)}><type>{_TYPES[well.kind]}</type>{quantity}</sample>\n"


def _run(
    run: Run,
    wells: Sequence[Well],
    fluorescence: Mapping[tuple[str, str, str], NDArray[np.float64]],
    *,
    name: str,
) -> Iterator[str]:
    yield f"<run id={quoteattr(name)}><description>{SYNTHETIC}</description>"
    yield f"<instrument>{escape(run.instrument or '')}</instrument>"
    yield "<cqDetectionMethod>manual threshold and baseline settings</cqDetectionMethod>"
    yield "<pcrFormat><rows>8</rows><columns>12</columns><rowLabel>ABC</rowLabel><columnLabel>123</columnLabel>"
    yield f"</pcrFormat><runDate>{run.run_on}T15:00:00</runDate>\n"
    points = "".join(
        f"<adp><cyc>{cycle}</cyc><fluor>%.3f</fluor></adp>" for cycle in range(1, (run.cycles or 0) + 1)
    )
    for well in wells:
        curve = fluorescence.get((well.run_id, well.position, well.target))
        place = _COLUMNS * (ord(well.position[0]) - ord("A")) + int(well.position[1:])
        cq = -1.0 if well.cq is None else well.cq
        excluded = f"<excl>{escape(well.excluded)}</excl>" if well.excluded else ""
        yield f'<react id="{place}"><sample id={quoteattr(well.sample)}/><data><tar id="{well.target}"/>'
        yield f"<cq>{cq!r}</cq>{excluded}"
        if curve is not None:
            yield points % tuple(curve.tolist())
        yield f"<quantFluor>{run.threshold}</quantFluor></data></react>\n"
    yield "</run>"
