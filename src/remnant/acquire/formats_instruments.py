"""The part of ``docs/formats.md`` on instruments: how each export is told, what is read, what is not, traps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from remnant.acquire import cfx, eds, lightcycler, mxpro, quantstudio, rdes, rotor_gene
from remnant.acquire.instrument_cells import WELL_KINDS
from remnant.acquire.limits import first_run_date

__all__ = ["NOTES", "FormatNote", "instruments_section"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatNote:
    """What the page says of one format.

    Attributes
    ----------
    name : str
        Name in the record of the file.
    title : str
        Heading.
    told : str
        How the format is recognised.
    read : str
        What is read.
    not_read : str
        What is not.
    traps : tuple of str
        What deceives readers of this format.
    """

    name: str
    title: str
    told: str
    read: str
    not_read: str
    traps: tuple[str, ...]


NOTES: Final = (
    FormatNote(
        name=quantstudio.FORMAT,
        title="Applied Biosystems: QuantStudio, ViiA 7, Design & Analysis, 7500, StepOne, SDS 2",
        told="two settings such as `Block Type` and `Instrument Type` (behind `*` or in two cells), a section such as `[Results]`, or `SDS 2`.",
        read="the first table with `CT`, `Cт`, `Cq` or `CRT`: well, sample, target, task, Cq, threshold, `Omit`; given quantities of standards, from"
        " `Standard Curve Result` too; Rn curves; experiment name, end of the run, instrument, serial number, user, chemistry; both alleles of a"
        " genotyping run as two targets, if it has their Ct. Without amplification data: the multicomponent signal of each target's reporter, divided by that of the passive"
        " reference (Rn) where every well has one.",
        not_read="raw data of filters, multicomponent data beside amplification data, ΔRn, melting curves, means, results of the instrument's own quantification.",
        traps=(
            "`Cт` has a Cyrillic т on some instruments.",
            "`Well` is a number in text (1 = A1 by the block type) and a place in old workbooks; `Well Position` wins.",
            "Text leaves out empty cells at the end of a row: short rows are whole.",
            "Thousands have commas beside decimal points (`1,250.000`), or the other way round by the locale.",
            "The end of the run carries a time zone and sometimes `15:29 PM`; the day is that of the instrument's clock. `Not Started` is refused.",
            "Some exports give a column twice; two different values are refused.",
            "Examples of the vendor hold the first cycles only: where a Cq or a baseline lies behind the last cycle, the number of cycles is not known.",
        ),
    ),
    FormatNote(
        name=cfx.FORMAT,
        title="Bio-Rad CFX: csv, a zip file of the csv files of one run, workbook, XML",
        told="a header with `Well`, `Fluor` and `Content`; a header with `Cycle` and places of wells; XML whose root is `_x0030_`. A table with columns that a"
        " laboratory adds (`run_id`, `dilution` ...) is a Cq table.",
        read="well, dye, target, content, sample, Cq, `Starting Quantity (SQ)` of standards (with its unit if a column `Unit` was added); curves, and in a workbook"
        " their targets from the results.",
        not_read="means and standard deviations, end points, melting curves (refused if alone); `.pcrd`, which is encrypted.",
        traps=(
            "The first column is empty and has no name.",
            "`Cq` is `NaN` or `N/A` for a negative well, and `Cq Mean` beside it 0.",
            "Rows go dye by dye over the plate, not well by well.",
            "A curve table names neither targets nor its dye; the dye is in the file name, and wells are named after it.",
            "Names of XML are escaped: `Starting_Quantity__x0028_SQ_x0029_`.",
            "Fluorescence is baseline-subtracted by default and may be negative.",
        ),
    ),
    FormatNote(
        name=lightcycler.FORMAT,
        title="Roche LightCycler 480 text",
        told="a header with `Include`, `Pos` and `Cp`, or that of raw data (`SamplePos`, `Prog#`, `Cycle#` ...).",
        read="place, name, Cp, `Standard`; of raw data every channel of the amplification program, the one with one reading a cycle and the most cycles.",
        not_read="`Concentration`, which is a result; melting programs.",
        traps=(
            "An empty Cp is a negative well.",
            "`Include` False is an excluded well; its empty Cp says nothing.",
            "There is no column for targets and none for kinds: wells are named after the filter, and only those with a `Standard` are standards.",
            "Numbers stand in columns of spaces (`  5.15`).",
        ),
    ),
    FormatNote(
        name=rotor_gene.FORMAT,
        title="Qiagen Rotor-Gene csv",
        told="`Excel Analysed Data Export`, `Quantitative analysis of ...`, or a header with `No.`, `Name`, `Ct` and `Given Conc`.",
        read="every table of the file: tube, name, type, Ct, given concentration with the unit of its header; the assay from the line above the table, or the channel.",
        not_read="raw data, calculated concentrations, `.rex`.",
        traps=(
            "One table a channel or assay, below each other.",
            "The unit stands inside the header: `Given Conc (copies/reaction)`; another unit than copies is not read.",
            "An empty Ct is a negative tube.",
            "Dates are `3/16/2021`; if day and month can be exchanged the date is not read.",
        ),
    ),
    FormatNote(
        name=mxpro.FORMAT,
        title="Stratagene MxPro: workbook or text report, amplification plots",
        told="a header with `Well`, `Well Type` and `Ct (dR)`, or the heading of a plot (`A7, Repl. 9, name, SYBR`).",
        read="well, name, type, Ct, threshold, quantity with the unit of its header; plots; the date above the first plot.",
        not_read="melting temperatures, `.mxp`.",
        traps=(
            "The quantity cell may hold a sentence (`<2 Unique SYBR Standards`).",
            "`No Ct` is a negative well, `Not in Use` an empty one.",
            "No target: wells are named after the dye of their plot.",
        ),
    ),
    FormatNote(
        name=rdes.FORMAT,
        title="RDES",
        told="a first row with `Well`, `Sample` and at least three numbers.",
        read="well, sample, sample type, target, dye, and a curve a row.",
        not_read="melting curves: numbers that do not count cycles one by one are refused.",
        traps=("It stores no Cq.", "Decimal commas beside tabs are common."),
    ),
    FormatNote(
        name=eds.FORMAT,
        title="Applied Biosystems experiment document (.eds)",
        told="a zip file with `apldbio/sds/experiment.xml` (specification 1) or `setup/plate_setup.json` (2).",
        read="results of the instrument's own analysis: Ct, Rn curves, plate setup with tasks and quantities, omitted wells, name, end of the run, instrument, serial"
        " number. Specification 2 without an analysis: the multicomponent signal of each target's reporter, divided by that of the passive reference (Rn) where every well has one.",
        not_read="images, quant files, calibrations, melting results, thresholds of specification 1.",
        traps=(
            "A Ct equal to the number of cycles is how the analysis of specification 1 writes 'undetermined'; in specification 2 it is -1.",
            "JSON of the instrument may contain a bare `NaN`.",
            "Times are milliseconds since 1970: the run date is their day in UTC.",
        ),
    ),
)

_OPENING: Final = """\
## Instruments

Each export is told by its content. Rules of all of them:

- The Cq is the instrument's, under its own threshold. A **negative well** is one with `Undetermined`, `N/A`, `NaN`, `No Ct`, `No Cq` or -1; an empty cell is no Cq
  stored, except where a format says otherwise below. A Cq of 0 is refused.
- Kinds of wells are the instrument's words (a number behind them does not count): {kinds}. Another word is refused.
- The **quantity** of a standard is read as copies in the well; if the export names no unit, with the finding `instrument.standard_unit_assumed`; if it names another, it is
  not read. 0 and -1 are no quantity. Quantities beside other wells are results and are not read.
- Curves are kept as exported; cycles are counted by them.
- **Decimal sign**: one in a file, told by the Cq (below a thousand, so that `31,404` has a decimal comma), else by the fluorescence.
- Text is UTF-8, UTF-16 with byte order mark, or Windows-1251; lines end with LF, CR LF or CR.
- The run is named as the instrument names it, else after the file; its date is that of the instrument's clock, without time zone, and not before {first}.
- A well that its file calls unknown, or says nothing of, and whose whole name is `NTC`, `no template control`, `blank`, `water` or `H2O`, with or without a number
  behind it, is read as a no-template control, with a finding; so it is in RDML files and in Cq tables without a column `type`.
- A target stands once in a well. A well without target is named after its dye, a well without sample after its place, each with a finding.
"""


def instruments_section() -> str:
    """Text of the section.

    Returns
    -------
    str
        Markdown.
    """
    parts = [_OPENING.format(kinds=", ".join(f"`{word}`" for word in WELL_KINDS), first=first_run_date())]
    for note in NOTES:
        traps = "\n".join(f"- {trap}" for trap in note.traps)
        parts.append(
            f"### {note.title}\n\nFormat `{note.name}`. **Told by** {note.told}\n\n**Read**: {note.read}\n\n**Not read**: {note.not_read}\n\n"
            f"Traps:\n\n{traps}\n"
        )
    return "\n".join(parts)
