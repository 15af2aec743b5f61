"""Fluorescence in situ hybridisation on sorted fractions: counts of nuclei to estimates with evidence."""
