"""What the receiver counts, on its own endpoint: it is a process of its own."""

from prometheus_client import Counter, Gauge

__all__ = ["CONNECTIONS", "REQUESTS"]

REQUESTS = Counter(
    "okta_hook_requests",
    "Requests to the receiver by tenant and result: accepted, verified, unauthorized, refused, too_large, overloaded, failed. No tenant "
    "where none is known.",
    ["tenant", "result"],
)
CONNECTIONS = Gauge("okta_hook_connections", "Connections that the receiver holds open.")
