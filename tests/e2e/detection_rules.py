"""Rules that a simulated organisation's ordinary traffic matches often enough: of every kind, nested ones too."""

__all__ = ["ALERTS", "RULES", "add_detections"]

from tests.e2e.harness import Workplace

RULES = """
title: Token created
name: token
logsource: {product: okta}
detection: {sel: {eventType: system.api_token.create}, condition: sel}
level: high
---
title: Signed in
name: signed_in
logsource: {product: okta}
detection: {sel: {eventType: user.session.start, outcome.result: SUCCESS}, condition: sel}
---
title: Refused
name: refused
logsource: {product: okta}
detection: {sel: {outcome.result: [FAILURE, DENY]}, condition: sel}
---
title: Two sign-ins of a user
name: busy
level: low
correlation: {type: event_count, rules: [signed_in], group-by: [actor.id], timespan: 2h, condition: {gte: 2}, generate: false}
---
title: Several users behind an address
name: crowd
level: medium
correlation:
  type: value_count
  rules: [signed_in]
  group-by: [client.ipAddress]
  timespan: 1h
  condition: {field: actor.id, gte: 3}
---
title: Refused, then in
name: in_the_end
level: critical
correlation: {type: temporal_ordered, rules: [refused, signed_in], group-by: [client.ipAddress], timespan: 30m}
---
title: Crowd and refused
name: nested
level: high
correlation: {type: temporal, rules: [crowd, refused], group-by: [client.ipAddress], timespan: 30m, generate: true}
---
title: New country
name: country
level: low
correlation:
  type: first_seen
  rules: [signed_in]
  group-by: [actor.id]
  timespan: 1d
  warm-up: 0s
  condition: {field: client.geographicalContext.country}
---
title: Far away
name: far
level: high
correlation: {type: travel, rules: [signed_in], group-by: [actor.id], timespan: 1d}
---
title: Refused and never seen again
name: gone
level: informational
correlation: {type: absence, rules: [refused, signed_in], group-by: [client.ipAddress], timespan: 20m}
"""

ALERTS = 'type = "file"\npath = "alerts/{tenant}/{date}.ndjson"\nkinds = ["alerts"]'


def add_detections(place: Workplace, rules: str = RULES, table: str = 'managed = false\nrules = ["rules/"]') -> None:
    """Give a workplace rules, and a file sink `alerts`; `write` it afterwards."""
    folder = place.folder / "rules"
    folder.mkdir(exist_ok=True)
    (folder / "rules.yml").write_text(rules)
    place.sinks["alerts"] = ALERTS
    place.tables = {"detections": table}
