"""Run to measurement: a quantity with its likelihood, not a bare number."""
