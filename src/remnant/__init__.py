"""remnant: who is relapsing, how soon, and from which cell.

Research use only. The folders are the pipeline, in reading order: `acquire` (file to run), `assay`
(run to measurement), `call` (measurement to verdict), `course` (one patient's line), `forecast`,
`cohort`, `report`. Import what is needed from those; this root imports nothing, so that
``remnant --help`` stays fast.
"""

__version__ = "0.1.0"
