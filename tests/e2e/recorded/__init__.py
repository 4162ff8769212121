"""What earlier releases have left behind when they were killed, and what it takes to go on from there.

`RELEASE.zip` holds a workplace as `record.py` made it with that release: `okta.toml`, the state directory, what the file sinks wrote, in
`events/TENANT.ndjson` what Okta's log held, and in `places.json` which folder and URLs all that speaks of. A release that changes what is
saved gets a recording of its own beside the others:

    git worktree add /tmp/release TAG
    PYTHONPATH=/tmp/release python tests/e2e/recorded/record.py tests/e2e/recorded/RELEASE.zip
"""
