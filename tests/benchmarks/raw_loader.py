"""The rival of the search race: posts prepared `_bulk` bodies as they are, on some connections, and does nothing else.

    python -m tests.benchmarks.raw_loader URL FOLDER CONNECTIONS

Prints the seconds from the first request to the last answer.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests


def main() -> None:
    url, folder, connections = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    bodies = [path.read_bytes() for path in sorted(folder.iterdir())]
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=connections))

    def post(body: bytes) -> None:
        # The same filter as ours, or the loader would be slowed down by answers that nobody reads.
        answer = session.post(
            f"{url}/_bulk?filter_path=errors,items.*.status,items.*.error",
            data=body,
            headers={"Content-Type": "application/x-ndjson"},
            timeout=120,
        )
        if answer.status_code != 200 or answer.json()["errors"]:
            raise SystemExit(f"the loader's request failed: {answer.text[:500]}")

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(post, bodies[:1]))  # the first one makes the data stream
        began = time.monotonic()
        list(pool.map(post, bodies[1:]))
    print(time.monotonic() - began)


if __name__ == "__main__":
    main()
