"""An Okta organisation for tests, demonstrations and benchmarks.

`Simulator` serves one or many `Organisation`s over HTTP as `GET /api/v1/logs` of Okta does: in the order of
persistence, with opaque cursors, Link headers, rate limits, and every error and fault that a collector has to survive.

    with Simulator([Organisation("acme", events=5000)]) as simulator:
        requests.get(simulator.url("acme") + "/api/v1/logs", headers={"Authorization": "SSWS 00sim-acme"})
"""

from okta_source.simulator.event_hook import EventHook, HookDelivery
from okta_source.simulator.faults import Faults
from okta_source.simulator.oauth import Administrator, OAuthClient, TokenRequest
from okta_source.simulator.organisation import Organisation
from okta_source.simulator.rate_limit import RateLimit
from okta_source.simulator.records import Request, RequestRecord, Scripted
from okta_source.simulator.simulator import Simulator

__all__ = [
    "Administrator",
    "EventHook",
    "Faults",
    "HookDelivery",
    "OAuthClient",
    "Organisation",
    "RateLimit",
    "Request",
    "RequestRecord",
    "Scripted",
    "Simulator",
    "TokenRequest",
]
