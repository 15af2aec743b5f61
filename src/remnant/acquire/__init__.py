"""File to run: what the instrument recorded; nothing interpreted, nothing repaired silently."""
