"""The one TOML file of a run: settings, and what only holds between sinks, tenants and files."""
