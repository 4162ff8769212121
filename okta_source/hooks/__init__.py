"""Push beside polling: the receiver of event hooks and EventBridge deliveries, its spool, and what a tenant's partition makes of it.

Two processes. `python -m okta_source hooks` authenticates a delivery, syncs it to the spool and answers; it knows the hooks' secrets and no
Okta token. The main flow reads the spool by position, which is part of a tenant's snapshot. The spool carries latency, not completeness:
polling brings every event again.
"""
