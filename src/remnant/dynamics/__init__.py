"""Clones on the blood hierarchy: exact where exact is possible, simulated where it is not."""
