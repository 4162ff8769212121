"""Python runs this in every process that a page starts: `acme.okta.com` is an organisation of the simulator, and its authority is trusted.

`DOCS_HOSTS` says which names lead to which ports of this machine, `DOCS_CA` whom to trust.
"""

import os
import socket

import certifi

_PORTS = dict(entry.split("=") for entry in os.environ["DOCS_HOSTS"].split())
_resolve = socket.getaddrinfo


def _here(host, port, *args, **keys):  # type: ignore[no-untyped-def]  # whatever is asked
    return _resolve("127.0.0.1", int(_PORTS[host]), *args, **keys) if host in _PORTS else _resolve(host, port, *args, **keys)


socket.getaddrinfo = _here
certifi.where = lambda: os.environ["DOCS_CA"]
