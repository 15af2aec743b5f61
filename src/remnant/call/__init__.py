"""Measurement to call: a rule applied; verdict, rule, version, source, inputs."""
