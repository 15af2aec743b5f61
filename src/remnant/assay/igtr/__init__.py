"""Allele-specific PCR of a patient's own IG/TR rearrangement: wells to a share of cells."""
