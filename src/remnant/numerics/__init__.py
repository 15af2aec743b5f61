"""Arrays in, arrays out: intervals, censored likelihoods, quadrature."""
