"""Courses to tables: frequencies, tests, cumulative incidence over patients."""
