"""Course to forecast: when relapse will be overt, by which route, when to sample next."""
