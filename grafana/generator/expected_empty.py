"""Which queries may rightly find nothing in a pipeline that is well: what they show has not happened, or does not exist there.

Every other query of every dashboard finds something as soon as one tenant has been polled and one sink has taken events.
"""

__all__ = ["EXPECTED_EMPTY"]

_NO_FAILURE = "no tenant's last poll failed"
_NO_OAUTH = "no tenant signs in with OAuth: an API token has no life of its own to tell"
_NO_HOOKS = "no tenant has [tenants.hooks]"
_NO_DETECTIONS = "there is no table [detections]"

EXPECTED_EMPTY: dict[tuple[str, str, str], str] = {
    ("okta-fleet", "What is wrong", "Since"): "no alert fires",
    ("okta-fleet", "All tenants", "Reason"): _NO_FAILURE,
    ("okta-fleet", "Requests refused with 429", "Tenants"): "no request was refused with 429",
    ("okta-tenant", "Why it fails", "Reason"): _NO_FAILURE,
    ("okta-tenant", "Events received", "Unmapped"): "every event could be mapped, or no sink wants another format than raw",
    ("okta-tenant", "Life left in the access token", "A"): _NO_OAUTH,
    ("okta-tenant", "Errors by type and stage", "Types"): "no poll and no delivery failed",
    ("okta-tenant", "Dead letters by sink", "Sinks"): "no event went to the dead letters",
    ("okta-tenant", "Deliveries by answer", "A"): _NO_HOOKS,
    ("okta-tenant", "Deliveries by answer", "B"): _NO_HOOKS,
    ("okta-tenant", "Pushed events", "A"): _NO_HOOKS,
    ("okta-tenant", "Delay of push", "p50"): _NO_HOOKS,
    ("okta-tenant", "Delay of push", "p99"): _NO_HOOKS,
    ("okta-tenant", "Missed and unconfirmed", "Missed"): _NO_HOOKS,
    ("okta-tenant", "Missed and unconfirmed", "Failures"): _NO_HOOKS,
    ("okta-tenant", "Missed and unconfirmed", "Unconfirmed"): _NO_HOOKS,
    ("okta-tenant", "Spool", "A"): _NO_HOOKS,
    ("okta-detections", "Loudest rules", "A"): _NO_DETECTIONS,
    ("okta-detections", "Alerts by level", "A"): _NO_DETECTIONS,
    ("okta-detections", "Matches by rule", "A"): _NO_DETECTIONS,
    ("okta-detections", "Groups by rule", "A"): _NO_DETECTIONS,
    ("okta-detections", "CPU for detections", "A"): _NO_DETECTIONS,
    ("okta-detections", "Late", "Lists"): _NO_DETECTIONS,
    ("okta-delivery", "Dead letters", "Tenants"): "no event went to the dead letters",
    ("okta-delivery", "Oldest event in the outbox", "A"): "nothing waits in an outbox",
    ("okta-delivery", "Taken and not kept", "A"): "no ingest pipeline drops events",
}
"""By the dashboard's uid, the panel's title and the query's refId: why nothing is found."""
