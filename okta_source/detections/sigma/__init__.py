"""Sigma 2.1: from YAML to rules, and what their values mean."""
