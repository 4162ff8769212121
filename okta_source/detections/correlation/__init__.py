"""Correlations: what is kept of matches, and when a group's window fulfils a rule."""
