"""What a receiver of hooks looks like in an afternoon: Starlette on uvicorn, one file, one sync for each request. For `hooks.py`.

Runs in an environment of its own: `python hooks_peer.py PORT FILE SECRET`.
"""

import hmac
import os
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def application(path: str, secret: str) -> Starlette:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def receive(request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("authorization", ""), secret):
            return Response(status_code=401)
        body = await request.body()
        os.write(descriptor, body + b"\n")
        os.fdatasync(descriptor)
        return Response()

    return Starlette(routes=[Route("/hooks/acme", receive, methods=["POST"])])


if __name__ == "__main__":
    port, path, secret = sys.argv[1:]
    uvicorn.run(application(path, secret), host="127.0.0.1", port=int(port), log_level="warning")
