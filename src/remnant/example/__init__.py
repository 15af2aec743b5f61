"""Synthetic studies and the writers of their raw files."""
