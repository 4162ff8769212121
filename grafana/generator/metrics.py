"""The metrics that dashboards and rules may read beside those that the pipeline's own code registers."""

__all__ = ["BYTEWAX", "PROMETHEUS", "RULES"]

BYTEWAX = frozenset(
    {
        f"bytewax_{name}{suffix}"
        for name in (
            "flat_map_batch_duration_seconds",
            "inp_part_next_batch_duration_seconds",
            "inp_part_next_batch_size",
            "out_part_write_batch_duration_seconds",
            "snapshot_duration_seconds",
        )
        for suffix in ("_bucket", "_count", "_sum")
    }
    | {"bytewax_item_inp_count_total", "bytewax_item_out_count_total"}
)
"""Bytewax 0.21.1's own. Not `bytewax_partd_write_duration_seconds`: a scrape has it several times under the same labels, with different
values, and Prometheus keeps any one of them."""

PROMETHEUS = frozenset({"up", "scrape_duration_seconds", "scrape_samples_scraped"})
"""What Prometheus says of each scrape by itself."""

RULES = frozenset({"ALERTS", "ALERTS_FOR_STATE", "okta:lag_high_threshold_seconds"})
"""What Prometheus says where the rules beside these dashboards are loaded: alerts, and a threshold, by which one sees that they are."""
