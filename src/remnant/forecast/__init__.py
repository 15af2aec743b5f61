"""Course to forecast: when relapse will be overt, from which compartment, when to sample next."""
