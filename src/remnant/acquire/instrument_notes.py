"""What the reading of an instrument export noticed, as findings."""

from __future__ import annotations

from typing import Final

from remnant.acquire.instrument_reading import Reading
from remnant.records.run import Curves, Well

__all__ = ["COUNTED", "write_notes"]

COUNTED: Final[tuple[tuple[str, str, bool, str], ...]] = (
    (
        "standard_unit_assumed",
        "{n} quantities of standards stand without a unit, as this instrument writes them: read as copies in the well.",
        True,
        "Check that the standards were entered in copies in the well; in another unit every result is wrong by its factor.",
    ),
    (
        "standard_without_quantity",
        "{n} wells of standards have no quantity.",
        True,
        "Give the standards their copies in the instrument's software.",
    ),
    (
        "quantity_not_read",
        "{n} quantities of wells that are no standards were not read; they are results.",
        False,
        "Nothing to do.",
    ),
    (
        "target_named_after_dye",
        "{n} wells have no target and are named after their dye or channel.",
        True,
        "Name the targets in the instrument's software, so that runs with other assays stay apart.",
    ),
    (
        "sample_unnamed",
        "{n} wells have no sample name and are named after their place; they belong to no sample.",
        True,
        "Name the samples in the instrument's software.",
    ),
    (
        "no_kinds",
        "The export has no kinds of wells: one with a given concentration is a standard, one named NTC a blank, others are unknowns.",
        True,
        "Name the no-template wells NTC in the instrument's software, or export as RDML.",
    ),
    (
        "blank_by_name",
        "{n} wells are called unknown and named as no-template controls are: read as such.",
        False,
        "",
    ),
    (
        "results_without_cq",
        "The table of results has no column of Cq (CT, Cq or Crt): the samples, tasks and quantities of its {n} rows were not read.",
        True,
        "Export the results with their Cq.",
    ),
    (
        "no_tasks",
        "The results have no column Task: {n} wells are read as unknowns but for those named NTC, standards among them.",
        True,
        "Export the results with the column Task.",
    ),
    (
        "cq_without_amplification",
        "{n} wells have a Cq, and the instrument's own status says that nothing amplified; the Cq was read.",
        True,
        "Look at the curves of these wells; omit them, or set them to Undetermined, in the instrument's software.",
    ),
    (
        "control_named",
        "{n} wells of standards and controls have no name and got that of their kind.",
        False,
        "",
    ),
    ("empty_wells", "{n} wells are empty or not in use.", False, ""),
    (
        "curves_without_well",
        "{n} curves belong to no well of the results and were not read.",
        True,
        "Export results and amplification data together.",
    ),
    (
        "from_multicomponent",
        "{n} curves are the multicomponent signal of their target's reporter: the export holds no amplification data.",
        False,
        "",
    ),
    (
        "cq_at_cycle_count",
        "{n} wells have a Cq equal to the number of cycles, as this format writes 'undetermined'; they are negative.",
        False,
        "",
    ),
)
"""Code behind ``instrument.`` and count, sentence, whether it lowers trust, advice."""


def write_notes(
    reading: Reading, wells: list[Well], curves: Curves | None, passive_reference: str = ""
) -> None:
    """Write what was counted as findings.

    Parameters
    ----------
    reading : Reading
        Takes the findings.
    wells : list of Well
        Wells of the file.
    curves : Curves or None
        Their curves.
    passive_reference : str, default ""
        Dye by which the curves are divided.
    """
    counts = reading.counts
    for name, sentence, warning, advice in COUNTED:
        if counts[name]:
            more = {"advice": advice} if advice else {}
            reading.note(f"instrument.{name}", sentence.format(n=counts[name]), warning=warning, **more)
    _note_units(reading)
    _note_cq(reading, wells, curves)
    if counts["named_after_file"]:
        reading.note(
            "instrument.named_after_file",
            f"The export does not name its run: it is run {reading.stem}.",
            warning=False,
        )
    if counts["thresholds"]:
        reading.note(
            "instrument.thresholds_differ",
            f"The run has {counts['thresholds']} thresholds; none is kept with the run.",
            warning=False,
        )
    if counts["curves_cut"]:
        reading.note(
            "instrument.curves_cut",
            f"The curves end at cycle {counts['curves_cut']}, before a Cq or a baseline of the same run: they are incomplete, and"
            " the number of cycles is not known.",
            advice="Export the amplification data again.",
        )
    if counts["raw_signals"]:
        reading.note(
            "instrument.raw_signals",
            "The fluorescence is the raw signal of the reporter: not every well has a passive reference to divide it by.",
            advice="Heights of curves of different wells cannot be compared; set the passive reference in the instrument's software.",
        )
    if curves is not None and passive_reference:
        reading.note(
            "instrument.normalised_curves",
            f"The fluorescence is divided by the passive reference {passive_reference} (Rn).",
            warning=False,
        )


def _note_units(reading: Reading) -> None:
    for name, count in reading.counts.items():
        if name.startswith("standard_unit "):
            unit = name.removeprefix("standard_unit ")
            reading.note(
                "instrument.standard_unit",
                f"{count} quantities of standards are in '{unit[:40]}', not in copies; they were not read.",
                found=unit[:40],
                needed="copies",
                advice="Give the standards their copies in the instrument's software.",
            )


def _note_cq(reading: Reading, wells: list[Well], curves: Curves | None) -> None:
    without = sum(well.detected is None and well.excluded is None for well in wells)
    if without and without == len(wells) and curves is not None:
        reading.note(
            "instrument.no_cq",
            f"None of the {len(wells)} wells has a Cq; there are {len(curves.wells)} curves.",
            found="curves without Cq",
            needed="a Cq under the laboratory's threshold for each well",
            advice='Export the results with their Cq, or have them read from the curves: `--cq ours`, in a study cq_source = "ours".',
        )
    elif without:
        reading.note(
            "instrument.cq_not_stored",
            f"{without} of {len(wells)} wells have no Cq in the file: not counted as not detected.",
        )
