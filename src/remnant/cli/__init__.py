"""The command line: one table of commands, loaded on demand."""
