"""What watches the pipeline: dashboards, rules, provisioning."""
