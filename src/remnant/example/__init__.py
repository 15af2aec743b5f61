"""Synthetic studies and the writers of their raw files."""

from remnant.example.assumptions import Assumption, assumptions
from remnant.example.broken import BrokenFile, write_broken_files
from remnant.example.files import TRUTH_FOLDER, write_study_a
from remnant.example.study_a import StudyA, simulate_study_a

__all__ = [
    "TRUTH_FOLDER",
    "Assumption",
    "BrokenFile",
    "StudyA",
    "assumptions",
    "simulate_study_a",
    "write_broken_files",
    "write_study_a",
]
