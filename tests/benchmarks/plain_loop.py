"""What a team writes in an afternoon: requests + orjson, one tenant, the same tags, the same dedupe by uuid, lines into one file.

    python -m tests.benchmarks.plain_loop ORG_URL TOKEN FILE

It keeps no state, so it pays for nothing that a crash would need.
"""

import sys
from datetime import UTC, datetime, timedelta

import orjson
import requests

from okta_source.events.categories import action, category


def main(org_url: str, token: str, path: str) -> int:
    session = requests.Session()
    session.headers.update({"Authorization": f"SSWS {token}", "Accept": "application/json"})
    since = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    url = f"{org_url}/api/v1/logs?since={since}&sortOrder=ASCENDING&limit=1000"
    org = org_url.partition("://")[2]
    seen: set[str] = set()
    with open(path, "wb") as out:  # noqa: PTH123
        while True:
            response = session.get(url, timeout=35)
            response.raise_for_status()
            events = orjson.loads(response.content)
            ingested_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            lines = []
            for event in events:
                if event["uuid"] in seen:
                    continue
                seen.add(event["uuid"])
                tagged = {
                    "_okta_event_type": "systemLog",
                    "_okta_tenant": "acme",
                    "_okta_org": org,
                    "_okta_category": category(event["eventType"]),
                }
                if told_apart := action(event["eventType"]):
                    tagged["_okta_action"] = told_apart
                tagged["_okta_source"] = "poll"
                tagged["_okta_ingested_at"] = ingested_at
                tagged.update(event)
                lines.append(orjson.dumps(tagged))
            if lines:
                out.write(b"\n".join(lines) + b"\n")
            if len(events) < 1000:
                return 0
            url = response.links["next"]["url"]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
