"""What an event looks like when it leaves: `raw`, `ecs` or `ocsf`. Pure."""
