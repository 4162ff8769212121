"""Detections: Sigma rules over the events as they pass, and over archives. Only `library` and `steps` read files or count."""
