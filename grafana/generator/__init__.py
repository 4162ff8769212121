"""Writes the dashboards of `grafana/dashboards/`: `python -m grafana.generator`."""
