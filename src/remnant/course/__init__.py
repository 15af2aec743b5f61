"""Calls to course: one patient's dated line; series, therapy, states, lead time."""
