"""Every command, in one table: its name, where its code is, what it does, and where help lists it.

Code is loaded only for the command that is called, so that ``remnant --help`` stays fast. This is the one
lazy import of the package; a test resolves every row.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["COMMANDS", "COMPUTE", "EXAMPLE", "GROUPS", "Row"]


class Row(NamedTuple):
    """One command.

    Attributes
    ----------
    name : str
        As typed; a space parts a group from its command.
    target : str
        ``module:function``.
    help : str
        One line.
    section : str
        Heading in the help.
    """

    name: str
    target: str
    help: str
    section: str


_START: Final = "Start"
_STUDY: Final = "A study"
_RESULTS: Final = "Results"
_RULES: Final = "Rules"
_FILES: Final = "Without a study"

COMMANDS: Final[tuple[Row, ...]] = (
    Row("demo", "remnant.cli.demo:demo", "Make the example study and run everything on it.", _START),
    Row("init", "remnant.cli.studies:init", "Make a study.", _START),
    Row(
        "templates",
        "remnant.cli.files:templates",
        "Write an empty table of every kind that can be imported.",
        _START,
    ),
    Row("import", "remnant.cli.studies:import_", "Import files and folders.", _STUDY),
    Row("retract", "remnant.cli.studies:retract", "Take a file's facts out of the study.", _STUDY),
    Row("run", "remnant.cli.run:run", "Compute everything that is out of date.", _STUDY),
    Row("files", "remnant.cli.studies:files", "List what was imported.", _STUDY),
    Row("audit", "remnant.cli.studies:audit", "List who did what and when.", _STUDY),
    Row("doctor", "remnant.cli.studies:doctor", "Check the study and the installation.", _STUDY),
    Row(
        "worklist",
        "remnant.cli.results:worklist",
        "List the patients to look at, most urgent first.",
        _RESULTS,
    ),
    Row("course", "remnant.cli.results:course", "Show a patient's dated line.", _RESULTS),
    Row("call", "remnant.cli.results:call", "List verdicts with their rules.", _RESULTS),
    Row("decide", "remnant.cli.decide:decide", "Record what a person decided, with the reason.", _RESULTS),
    Row("decisions", "remnant.cli.decide:decisions", "List what people decided.", _RESULTS),
    Row("findings", "remnant.cli.results:findings", "List what was noticed.", _RESULTS),
    Row("rules list", "remnant.cli.rules:list_", "List the rule sets that ship, and a study's own.", _RULES),
    Row("rules show", "remnant.cli.rules:show", "Show one rule set with numbers and sources.", _RULES),
    Row(
        "rules check",
        "remnant.cli.rules:check",
        "Check rule sets; ends with 1 if something is wrong.",
        _RULES,
    ),
    Row("rules diff", "remnant.cli.rules:diff", "Show what differs between two rule sets.", _RULES),
    Row("cohort table", "remnant.cli.cohort:table", "One row a patient.", _RESULTS),
    Row(
        "cohort associate",
        "remnant.cli.cohort:associate",
        "Test two properties of patients for association.",
        _RESULTS,
    ),
    Row(
        "cohort incidence",
        "remnant.cli.cohort:incidence",
        "Cumulative incidence of relapse from a landmark.",
        _RESULTS,
    ),
    Row(
        "origin",
        "remnant.cli.origin:origin",
        "Which compartments carry the lesion, and the cell of origin.",
        _RESULTS,
    ),
    Row("report", "remnant.cli.report:report", "Write patient pages and PDF reports.", _RESULTS),
    Row("export", "remnant.cli.export:export", "Write facts and results as tables.", _RESULTS),
    Row(
        "quantify",
        "remnant.cli.quantify:quantify",
        "Standard curves of a file, or measurements of a study.",
        _FILES,
    ),
    Row(
        "validate-assay",
        "remnant.cli.validate_assay:validate",
        "Limits of blank, detection and quantification of an assay.",
        _FILES,
    ),
    Row("flow", "remnant.cli.flow:flow", "Compartments and residual disease of a cytometry file.", _FILES),
    Row(
        "phenotype learn",
        "remnant.cli.phenotype:learn",
        "Learn the patient's own phenotype from the diagnosis and normal tubes.",
        _FILES,
    ),
    Row(
        "phenotype track",
        "remnant.cli.phenotype:track",
        "State residual cells of that phenotype in a later tube.",
        _FILES,
    ),
    Row(
        "phenotype different",
        "remnant.cli.phenotype:different",
        "Count cells that are unlike normal cells.",
        _FILES,
    ),
    Row(
        "clonotypes",
        "remnant.cli.clonotypes:clonotypes",
        "Follow the clones of a diagnosis sample through later ones.",
        _FILES,
    ),
    Row(
        "simulate fcs", "remnant.cli.simulate_fcs:fcs", "Write cytometry files of known composition.", _FILES
    ),
    Row(
        "simulate study-a",
        "remnant.cli.simulate:study_a",
        "Write the raw files of a made-up laboratory.",
        _FILES,
    ),
    Row(
        "simulate study-b",
        "remnant.cli.simulate:study_b",
        "Write score sheets and sort reports of made-up patients.",
        _FILES,
    ),
    Row(
        "simulate escape",
        "remnant.cli.simulate_escape:escape",
        "Relapse under targeted therapy by route, from a plan.",
        _FILES,
    ),
)
"""In the order of the help."""

COMPUTE: Final = "remnant.cli.run_steps:compute"
"""What ``run`` calls if there is anything to compute: to say that there is not needs none of its libraries."""

EXAMPLE: Final = "remnant.cli.demo_steps:example_studies"
"""What ``demo`` calls: its help needs none of what the pipeline loads."""

GROUPS: Final = {
    "cohort": "Tables, tests and curves over patients.",
    "phenotype": "A patient's own phenotype, and cells that differ from normal.",
    "rules": "What is negative, positive and relapse, by which numbers and sources.",
    "simulate": "Made-up studies, and courses of a disease.",
}
"""What the groups are for."""
