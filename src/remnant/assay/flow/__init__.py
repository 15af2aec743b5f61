"""Cytometry: events to counts, counts to compartments, residual disease, antigen loss and purity."""
