"""Engine: Bytewax's own metrics, and the processes'."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.generator.board import Row, board, line
from grafana.generator.panels import Ask, chart, number
from grafana.generator.promql import INSTANCE, JOB, age, per, quantile, rate, selector
from grafana.generator.tables import column, listing
from grafana.generator.variables import METRICS_SOURCE, data_source, instance, job, scrape

__all__ = ["UID", "build"]

UID = "okta-engine"

_SOURCE_STEP = 'step_id="system_log.okta"'
_WHERE = (JOB, INSTANCE)


def build() -> models.Dashboard:
    """The dashboard."""
    return board(
        UID,
        "Okta / Engine",
        "Bytewax and its processes: epochs, snapshots, batches, items, CPU and memory.",
        [data_source(METRICS_SOURCE, "prometheus", "Data source"), job(), instance(), scrape()],
        [_processes(), _epochs(), _steps(), _resources()],
    )


def _processes() -> Row:
    each = per("instance, worker_index", "sum", rate("bytewax_item_out_count_total", *_WHERE))
    python = f'label_replace({selector("python_info", *_WHERE)}, "python", "$1", "version", "(.*)")'
    asks = [
        Ask("Info", per("instance, version, process_id", "max", selector("okta_pipeline_info", *_WHERE)), now=True, shape="table"),
        Ask("Python", per("instance, python", "max", python), now=True, shape="table"),
        Ask("Up", per("instance", "max", selector("up", *_WHERE)), now=True, shape="table"),
        Ask("Tenants", per("instance", "count", selector("okta_tenant_info", *_WHERE)), now=True, shape="table"),
        Ask("Start", f"1000 * {per('instance', 'max', selector('process_start_time_seconds', *_WHERE))}", now=True, shape="table"),
        Ask("Scrape", per("instance", "max", selector("scrape_duration_seconds", *_WHERE)), now=True, shape="table"),
    ]
    up = selector("up", *_WHERE)
    oldest = f"max({age('instance', 'okta_last_snapshot_timestamp_seconds', *_WHERE)})"
    return Row(
        "Processes",
        line(
            7,
            number(
                "Processes",
                "Processes whose metrics Prometheus fetches, and those where it fails.",
                "none",
                [
                    Ask("Up", f"sum({up} == bool 1)", "up", now=True),
                    Ask("Down", f"sum({up} == bool 0)", "down", now=True),
                ],
                steps=[(None, "red"), (1, "green")],
                colors={"down": [(None, "green"), (1, "red")]},
                width=4,
            ),
            number(
                "Workers",
                "Bytewax's workers in all processes.",
                "none",
                [Ask("A", per("", "count", each), "{{job}}")],
                width=3,
            ),
            number(
                "Oldest snapshot",
                "How long ago the slowest process took its last snapshot: after a crash so much is fetched again. Without `-r`, none.",
                "dtdurations",
                [Ask("A", oldest, "age")],
                steps=[(None, "green"), (60, "orange"), (240, "red")],
                width=3,
            ),
            listing(
                "Versions",
                "One row for each process of the cluster, and how many tenants it polls.",
                asks,
                [
                    ("instance", "Process", column()),
                    ("process_id", "Number", column(width=80)),
                    ("Value #Up", "Up", column("bool_yes_no", steps=[(None, "red"), (1, "green")], width=60)),
                    ("Value #Tenants", "Tenants", column("none", width=80)),
                    ("version", "Version", column(width=90)),
                    ("python", "Python", column(width=80)),
                    ("Value #Start", "Started", column("dateTimeFromNow", width=120)),
                    ("Value #Scrape", "Scrape", column("s", width=80)),
                    ("job", "Job", column(width=110)),
                ],
                hidden=["Value #Info", "Value #Python"],
                width=14,
            ),
        ),
    )


def _epochs() -> Row:
    snapshots = "bytewax_snapshot_duration_seconds"
    per_second = per("instance", "sum", rate(f"{snapshots}_count", *_WHERE, _SOURCE_STEP))
    tenants = per("instance", "count", selector("okta_tenant_info", *_WHERE))
    spent = per("instance, step_id", "sum", rate(f"{snapshots}_sum", *_WHERE))
    last = age("instance", "okta_last_snapshot_timestamp_seconds", *_WHERE)
    return Row(
        "Epochs and snapshots",
        line(
            8,
            chart(
                "Epoch duration",
                "From one snapshot of all tenants to the next: `-s` seconds, and more where a step holds the worker up. It is worked out "
                "from the snapshots of single tenants, so tenants that left the configuration make it look shorter.",
                "s",
                [Ask("A", f"{tenants} / ({per_second} > 0)", "{{instance}}")],
                width=6,
            ),
            chart(
                "Since the last snapshot",
                "It rises to the length of an epoch, and starts anew. If it only rises, nothing is being remembered.",
                "s",
                [Ask("A", last, "{{instance}}")],
                steps=[(None, "transparent"), (240, "red")],
                width=6,
            ),
            chart(
                "Snapshot duration",
                "How long one partition's snapshot took, by step: 99 of 100 were faster. A search sink's waits for the requests under way.",
                "s",
                [Ask("A", quantile(0.99, "step_id", f"{snapshots}_bucket", *_WHERE), "{{step_id}} p99")],
                width=6,
            ),
            chart(
                "Time spent in snapshots",
                "The share of time that a process spends in snapshots, by step. How long the state takes to reach the disk can't be told: "
                "Bytewax reports those series twice under one name, and they are dropped when scraping.",
                "percentunit",
                [Ask("A", spent, "{{instance}} {{step_id}}")],
                stacked=True,
                width=6,
            ),
        ),
    )


def _steps() -> Row:
    batch = {
        "Source batches": (
            "bytewax_inp_part_next_batch_duration_seconds",
            "How long the source's partitions took to hand over what is there. They never wait for Okta.",
        ),
        "Step batches": ("bytewax_flat_map_batch_duration_seconds", "How long tagging and routing took."),
        "Sink batches": (
            "bytewax_out_part_write_batch_duration_seconds",
            "How long a sink held the worker. A search or webhook sink whose target fails holds it for `retry_for_seconds` at most.",
        ),
    }
    charts = [
        chart(
            title,
            f"{description} 99 of 100 were faster.",
            "s",
            [Ask("A", quantile(0.99, "step_id", f"{metric}_bucket", *_WHERE), "{{step_id}} p99")],
            width=6,
        )
        for title, (metric, description) in batch.items()
    ]
    items = [
        ("Items in", "bytewax_item_inp_count_total", "What steps take a second. An item is a page, not an event."),
        ("Items out", "bytewax_item_out_count_total", "What steps give a second. An item is a page, not an event."),
    ]
    sizes = per("instance", "sum", rate("bytewax_inp_part_next_batch_size_sum", *_WHERE, _SOURCE_STEP))
    calls = per("instance", "sum", rate("bytewax_inp_part_next_batch_size_count", *_WHERE, _SOURCE_STEP))
    return Row(
        "Steps",
        line(8, *charts, _busy()),
        line(
            8,
            *(
                chart(title, description, "cps", [Ask("A", per("step_id", "sum", rate(metric, *_WHERE)), "{{step_id}}")], width=8)
                for title, metric, description in items
            ),
            chart(
                "Pages per look",
                "Pages that a look at a tenant found on average. Near 0 there is mostly nothing to do; near 1 the worker is too slow.",
                "short",
                [Ask("A", f"{sizes} / {calls}", "{{instance}}")],
                width=8,
            ),
        ),
    )


def _busy() -> models.Panel:
    metrics = [
        ("Source", "bytewax_inp_part_next_batch_duration_seconds_sum"),
        ("Steps", "bytewax_flat_map_batch_duration_seconds_sum"),
        ("Sinks", "bytewax_out_part_write_batch_duration_seconds_sum"),
    ]
    return chart(
        "Time spent in batches",
        "The share of time that a worker spends in the source, the steps and the sinks. Near 1 in all, another process would help.",
        "percentunit",
        [
            Ask(name, per("instance, worker_index", "sum", rate(metric, *_WHERE)), f"{{{{instance}}}}/{{{{worker_index}}}} {name.lower()}")
            for name, metric in metrics
        ],
        stacked=True,
        width=6,
    )


def _resources() -> Row:
    def process(metric: str) -> str:
        return per("instance", "max", selector(metric, *_WHERE))

    return Row(
        "Resources",
        line(
            8,
            chart(
                "CPU",
                "Cores that a process uses. One process uses one core for the dataflow, and a little more for requests.",
                "short",
                [Ask("A", per("instance", "sum", rate("process_cpu_seconds_total", *_WHERE)), "{{instance}}")],
                width=6,
            ),
            chart(
                "Memory",
                "What a process holds in memory.",
                "bytes",
                [Ask("A", process("process_resident_memory_bytes"), "{{instance}}")],
                width=6,
            ),
            chart(
                "File descriptors",
                "Files and sockets that a process has open, as a share of what the system allows it.",
                "percentunit",
                [Ask("A", f"{process('process_open_fds')} / {process('process_max_fds')}", "{{instance}}")],
                steps=[(None, "transparent"), (0.8, "red")],
                width=6,
            ),
            chart(
                "Scrape duration",
                "How long Prometheus took to fetch a process's metrics, which the worker pays for in part.",
                "s",
                [Ask("A", process("scrape_duration_seconds"), "{{instance}}")],
                steps=[(None, "transparent"), (5, "red")],
                width=6,
            ),
        ),
    )
