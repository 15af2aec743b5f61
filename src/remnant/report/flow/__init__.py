"""Pages of cytometry: the statement, the gate tree, densities with their gates."""

from remnant.report.flow.page import page

__all__ = ["page"]
