"""`python -m okta_source status`: the fleet as a table, from the metrics of one or more processes."""
