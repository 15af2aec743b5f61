"""Versioned tables: markers, rule sets, cut-offs, definitions; every row with its source."""
