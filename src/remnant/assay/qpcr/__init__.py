"""Quantitative PCR: from quantification cycles to normalised copies with evidence."""
