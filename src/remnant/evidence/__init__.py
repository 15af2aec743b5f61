"""Evidence: the likelihood of a quantity given what was observed, and the verbs that question it."""
