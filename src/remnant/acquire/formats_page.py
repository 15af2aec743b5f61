"""The page ``docs/formats.md``, written from the tables by which files are read.

Run ``python -m remnant.acquire.formats_page > docs/formats.md`` after a change; a test compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from remnant.acquire.airr import COLUMNS
from remnant.acquire.aliases import (
    CHOICE_ALIASES,
    COPIES,
    FALSE_WORDS,
    MISSING_WORDS,
    NEGATIVE_WORDS,
    NOT_DETECTED_WORDS,
    TRUE_WORDS,
)
from remnant.acquire.codes import PROBLEMS
from remnant.acquire.columns import KINDS, Column, Kind
from remnant.acquire.formats_instruments import instruments_section
from remnant.acquire.limits import date_range, range_of
from remnant.acquire.rdml import SAMPLE_TYPES, VERSIONS
from remnant.acquire.sheet import REMARK
from remnant.knowledge.tables import rows, version
from remnant.units import UNITS

__all__ = ["accepted", "formats_page"]

_OF_FILES = (
    "table.",
    "cq.",
    "rdml.",
    "fcs.",
    "instrument.",
    "digital.",
    "vidjil.",
    "airr.",
    "clonotype.no_date",
)
"""Beginnings of the codes of findings that reading a file may give."""

_OPENING = """\
# File formats

*This page is written by `python -m remnant.acquire.formats_page` from the tables by which files are read; a test compares them.*

What a file is is told by its content, never by its name. Read are:

- **RDML** {versions} (a zip file, or the XML inside it),
- **exports of real-time PCR instruments**: text, workbooks and experiment documents, see [Instruments](#instruments),
- **Vidjil** results (JSON, one sample or several fused) and **AIRR** rearrangements (TSV; clone tables of MiXCR too),
- **tables** as CSV or TSV (separated by comma, semicolon or tab; UTF-8 with or without byte order mark, or Windows-1251)
  and as XLSX or XLS (every sheet; a workbook may hold several kinds),
- **FCS** 2.0 to 3.2, list mode, also with several data sets (see [cytometry](flow.md)); the file is mapped, so that its size does not matter.

A gzip file of one member is read as the file inside.

A file is taken whole or refused whole. If it is refused, all its problems are listed at once, each with sheet, row, column, value, what
would have been accepted and how to mend it; nothing of the file is kept. What is not read, or read otherwise than it stands, is a
finding of the import. `remnant.acquire.templates.write_templates(folder)` writes a template of every kind as CSV and XLSX.

```python
from remnant.acquire import RefusedFileError, read_path

try:
    acquired = read_path("samples.csv")
except RefusedFileError as refused:
    for problem in refused.details:      # records: code, sheet, row, column, value, expected, advice
        print(problem)
```

## All tables

- The **header** is the first row that is neither empty nor a remark. A row whose first cell begins with `{remark}` is a remark (the
  example row of a template is one) and is not read. Empty rows are passed over; every other row has as many cells as the header.
- The **kind** is the one whose needed columns are all there, and most of whose columns are. For runs and cDNA, whose needed columns are
  codes only, at least half of the columns must be known.
- **Column names** are the names below or one of the other names beside them. Case, spaces, points, brackets and underscores do not
  count. A name that mixes Cyrillic and Latin letters (`Cт`) is read as Latin, with a finding.
- **Numbers** have a decimal point or a decimal comma, one of them in the whole file, and may have a space between thousands. A comma before exactly three digits
  (`15,000`) is refused unless semicolons separate the cells, the same column shows a decimal comma, or only one reading is in range.
- **Dates** are `2020-04-03`, `03.04.2020` (day, month, year) or dates of the spreadsheet; a time of day is dropped. `03/04/2020` is refused:
  nobody can tell day from month. First day {first}, last day {last}.
- **Not known** in an optional column: an empty cell, {missing}.
- **Yes and no**: {true}; {false}.
- Text longer than a limit, control characters and errors of a spreadsheet (`#N/A`) are refused.
"""

_CQ = """\
The cell `cq` holds a number of cycles, or says one of two different things:

- **looked for and not found**: {words} (case and spaces do not count). The well is a negative one.
- **no Cq stored**: an empty cell. The well is not counted as negative.

`NA` alone is refused, since it may mean either. Copies of a standard are written as `quantity` with `unit` ({copies}), or as
`standard_copies`; a missing unit is never guessed. A quantity beside any other type is a result of the instrument and is not read. A run,
place and target stand once: plates below one another in one table need a `run_id` each. Rows with a place and no sample, target or Cq are
empty wells, passed over with a finding. Patients' wells name a cDNA, or a sample that was transcribed once.
"""

_VARIANTS = """
A variant under the primers or probe of an assay (rows `primer_bias` of `knowledge/cautions.toml`: WT1 exon 7, BAALC
isoforms) is a caution on every sample in which the marker was measured by PCR. It changes no number. A variant of a
measured gene that no row knows is a finding.
"""

_IGTR = """
One plate is all wells of one run, patient and rearrangement: dilutions of the diagnosis DNA, at least six wells of
polyclonal `background`, follow-ups in replicates, a well without template. Quantitative range, sensitivity and both
interpretation profiles are EuroMRD's, by the rows of kind `interpretation` of the rule set `euromrd_igtr`
(`remnant rules show euromrd_igtr`). The profile that makes the state is named in `study.toml`; without it, a false negative is
avoided:

```toml
[igtr]
profile = "avoid false positive"
```

The Cq may stand in the instrument's own file instead (RDML, or an export of the instrument): leave the cells of `cq` empty
and import both. Wells are joined by run, place and target, and the target must bear the name of the rearrangement (letter
case, spaces and signs do not count); where a place holds other targets only, the plate is refused.

The share of cells is relative to the diagnosis DNA. `remnant quantify FILE` reads a table without a study.
"""

_REPORTED = """\
The cell `value` holds a positive number, a limit (`<3e-4`, `>20`), or one of {words}; a negative needs its limit in the column `upper_limit`.
Units: {units}. A normalised value needs its control gene. A value in `percent_is` stays on the International Scale as it was reported; no factor of the study is applied to it. IG/TR, flow MRD and FISH as a share of cells have the unit `cell_fraction` and no control gene.
The target `donor chimerism` (`cell_fraction`, with `fraction` for sorted cells) is kept as the recipient's share; full donor chimerism is written with its
limit, `>0.99`.
"""

_RDML = """\
## RDML

Versions {versions}, zipped or not. Wells, Cq, exclusions and their reasons, curves (`adp`), plate positions, sample types and quantities (since 1.3 by
target), run date, instrument, experimenter, dye chemistry and threshold are read. Melting curves, quantities computed elsewhere
(`N0`, `Ncopy`) and digital PCR partitions are not.

- The run id is `experiment/run`, or the run's own name if the file has one run.
- `cq` of -1 or NaN: looked for and not found. A missing `cq`: none stored. A file with curves and no Cq is read, with the finding `rdml.no_cq`.
  A file with neither is refused.
- `excl`, unless it says false, leaves the well out, with its text as reason.
- Reaction numbers become places (`A01`) by the plate format; rotors keep their numbers.
- Standards whose quantity is in another unit than `cop` are read without copies, with a finding; a quantity without a unit is refused.

{types}
"""


_CLONOTYPES = """\
## Rearrangements of IG and TR genes

**Vidjil** (`.vidjil`): samples with their names, days (`samples.timestamp`), reads (`reads.total`, `reads.segmented`, `reads.germline`), and clones with
window (`id`), gene system, reads by sample, genes, junction and consensus. Reads of 0 say that the window was looked for and not found.
With spiked standards the copies (`mrd`) are read beside the reads, and clones labelled as standards are no clones of the patient.
Clusters and tags of people are not applied; a `.analysis` file is refused, since it holds no reads.

**AIRR rearrangements** and clone tables of **MiXCR**: one rearrangement a row. A table needs a count: without one it is refused, since a row is not one read.
Rows of one `clone_id` in one repertoire are one count. `repertoire_id` (or `sample_id`) names the repertoire; without it the table is one, named after the file.

{columns}
A repertoire belongs to the sample of the same code. Otherwise a table of repertoires says which (`repertoire_id`, `sample_id`), and how many cells were sequenced.
"""

_DIGITAL = """\
## Digital PCR

Recognised by their headers, in any encoding of the micro sign:

- **QuantaSoft, QX Manager**: tables of results, one row a well and channel, as CSV or XLSX. Rows of merged wells (`M01`) are sums of other rows and are left out;
  one whose wells are not in the file is a well of its own; one with some of its wells is refused. QX Manager names the dye; of its four sample descriptions the
  first names the well. Partitions positive in two channels are read where a well holds the two dyes of the first pair of channels.
- **QuantaSoft and QX Manager amplitudes**: the fluorescence of every droplet of one well, in up to six channels. The file does not say which well it is: its name
  does (`plate7_A08_Amplitude.csv`: run `plate7`, place A08), and no other name is ever read. Sample, target and kind come from a plate layout, and the count from a
  gate (see `remnant quantify`). An empty second column is a channel that was not recorded. Lines before the header (`Target Value of 0 = negative`) are passed
  over; the software's own calls of the droplets are not read.
- **QIAcuity**: the table of wells of the software suite, versions 1 to 3, with or without `sep=,`. Version 3 writes place and sample in the first row of a well.
- **Absolute Q**: tables of results, summaries (two header rows), multichannel tables, and zip files of them, of which one member is read.

Positive, negative and accepted partitions must agree. Wells named NTC in a table that calls every well unknown are read as no-template controls.
A concentration is kept beside the counts, which decide.
"""


def accepted(column: Column) -> str:
    """What a cell of a column may hold, in words.

    Parameters
    ----------
    column : Column
        The column.

    Returns
    -------
    str
        For example ``"number from 0 to 100 percent"``.

    Examples
    --------
    >>> from remnant.acquire.columns import kind_of
    >>> [accepted(c) for c in kind_of("events").columns if c.name == "on"]
    ['date']
    """
    if column.accepts == "choice":
        return ", ".join(column.choices)
    bounds = range_of(column.name) if column.accepts in {"number", "whole number", "value"} else None
    return f"{column.accepts} {bounds}" if bounds is not None else column.accepts


def _table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(header), line(["---"] * len(header)), *map(line, lines)]) + "\n"


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words if word)


def _spellings(kind: Kind) -> str:
    """Other words for the choices of one kind."""
    lines = [
        (f"`{column.name}`", f"`{choice}`", "; ".join(others))
        for column in kind.columns
        for choice in column.choices
        for others in [CHOICE_ALIASES.get(f"{column.name}.{choice}", CHOICE_ALIASES.get(choice, ()))]
        if others
    ]
    return "\n" + _table(("column", "word", "also"), lines) if lines else ""


def _kind(kind: Kind) -> str:
    notes = {
        "cq table": _CQ.format(words=_code(NOT_DETECTED_WORDS), copies=_code(COPIES)),
        "variants": _VARIANTS,
        "igtr wells": _IGTR,
        "reported values": _REPORTED.format(words=_code(NEGATIVE_WORDS), units=_code(UNITS)),
    }
    columns = _table(
        ("column", "needed", "accepts", "meaning", "other names"),
        (
            (
                f"`{column.name}`",
                "yes" if column.required else "",
                accepted(column),
                column.meaning,
                "; ".join(column.aliases),
            )
            for column in kind.columns
        ),
    )
    once = ", ".join(f"`{name}`" for name in kind.key)
    parts = [f"## {kind.name.capitalize()}\n\n{kind.meaning} Once in a file: {once}.\n", columns]
    if kind.name in notes:
        parts.append(notes[kind.name])
    return "\n".join(parts) + _spellings(kind)


def formats_page() -> str:
    """Text of ``docs/formats.md``.

    Returns
    -------
    str
        Markdown.
    """
    first, last = date_range()
    parts = [
        _OPENING.format(
            versions=", ".join(VERSIONS),
            remark=REMARK,
            first=first,
            last=last,
            missing=_code(MISSING_WORDS),
            true=_code(TRUE_WORDS),
            false=_code(FALSE_WORDS),
        ),
        *map(_kind, KINDS),
        instruments_section(),
        _RDML.format(
            versions=", ".join(VERSIONS),
            types=_table(("sample type", "read as"), ((f"`{k}`", f"`{v}`") for k, v in SAMPLE_TYPES.items())),
        ),
        _CLONOTYPES.format(
            columns=_table(
                ("what is read", "columns, the first that is there"),
                ((name, _code(spellings)) for name, spellings in COLUMNS.items()),
            )
        ),
        _DIGITAL,
        f"## Limits\n\nTable `limits`, version {version('limits')}.\n",
        _table(
            ("limit", "what", "from", "to", "unit", "source"),
            (
                (
                    row["id"],
                    row["what"],
                    f"above {row['above']}" if "above" in row else str(row.get("minimum", "")),
                    f"{row['maximum']:,}" if isinstance(row["maximum"], int) else str(row["maximum"]),
                    row["unit"],
                    row["source"] + ("" if row["status"] == "verified" else " (unverified)"),
                )
                for row in rows("limits")
            ),
        ),
        "## Problems: the file is refused\n",
        _table(("code", "meaning"), ((f"`{code}`", meaning) for code, meaning in PROBLEMS.items())),
        "## Findings: the file is taken\n",
        _table(
            ("code", "meaning", "advice"),
            (
                (f"`{row['id']}`", row["meaning"], row["advice"])
                for row in rows("findings")
                if row["id"].startswith(_OF_FILES)
            ),
        ),
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(formats_page())
