"""The receiver put together: one loop, one commit thread, and a stop that loses no answered delivery."""

import asyncio
import logging
import resource
import signal
import socket
from collections.abc import Mapping
from typing import Final

from tornado import httputil
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from okta_source import __version__
from okta_source.hooks.admission import Answer, Wanted, decide
from okta_source.hooks.committer import Committer
from okta_source.hooks.endpoint import make_endpoint
from okta_source.hooks.secrets import HookSecrets, SecretPair
from okta_source.hooks.segments import Retention
from okta_source.hooks.server import MOST_CONNECTIONS, Decide, HookServer
from okta_source.hooks.settings import ReceiverSettings
from okta_source.hooks.spool_writer import SpoolWriter
from okta_source.metrics import tell_pipeline

__all__ = ["CannotListenError", "listen", "serve"]

_LOG = logging.getLogger(__name__)

_BACKLOG: Final = 1024
_REFRESH_SECONDS: Final = 1.0
_FINISH_SECONDS: Final = 1.0
_LAST_COMMIT_SECONDS: Final = 1.5
_MEGABYTE: Final = 1_000_000
_OTHER_FILES: Final = 256


class CannotListenError(Exception):
    """A port can't be had; the message says which and what to do."""


def listen(host: str, port: int, option: str) -> list[socket.socket]:
    """Take a port.

    Args:
        host: The address.
        port: The port; 0 takes a free one.
        option: What moves it, for the message.

    Raises:
        CannotListenError: It can't be had.
    """
    try:
        # A free port must be the same for every address of a name, so one address is taken then.
        return bind_sockets(port, host, family=socket.AF_INET if port == 0 and ":" not in host else socket.AF_UNSPEC, backlog=_BACKLOG)
    except OSError as error:
        msg = f"{option}: can't listen on {host}:{port} ({error.strerror or error}); end what listens there, or choose another {option}"
        raise CannotListenError(msg) from None


async def serve(
    settings: ReceiverSettings, secrets: HookSecrets, sockets: list[socket.socket], metrics_sockets: list[socket.socket]
) -> None:
    """Receive until SIGINT or SIGTERM; a stop takes less than 3 s.

    Args:
        settings: What to run by; the spool is prepared.
        secrets: The tenants' secrets.
        sockets: Where deliveries come in, listening.
        metrics_sockets: Where metrics are served; none serves none.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tell_pipeline(__version__, "hooks")
    files = _allow_files(len(settings.tenants))
    kept = Retention(settings.hooks.keep_hours * 3600, int(settings.hooks.keep_megabytes * _MEGABYTE))
    committer = Committer(SpoolWriter(settings.hooks.spool_dir, list(settings.tenants), kept), loop)
    server = HookServer(
        decide=_decision(settings.hooks.path_prefix, secrets),
        tenants=settings.tenants.keys(),
        committer=committer,
        most_connections=min(MOST_CONNECTIONS, max(files - _OTHER_FILES - len(settings.tenants), 16)),
        ssl_options=settings.certificate.context if settings.certificate else None,
    )
    server.add_sockets(sockets)
    endpoint = make_endpoint(lambda: committer.trouble) if metrics_sockets else None
    if endpoint:
        endpoint.add_sockets(metrics_sockets)
    refreshing = asyncio.create_task(_refresh(settings, secrets, server))
    _announce(settings, sockets, metrics_sockets)
    await stop.wait()
    _LOG.info("stopping: what is under way is answered first")
    refreshing.cancel()
    await server.finish(_FINISH_SECONDS)
    await asyncio.to_thread(committer.close, _LAST_COMMIT_SECONDS)
    if endpoint:
        endpoint.stop()
        await endpoint.close_all_connections()


def pairs(settings: ReceiverSettings) -> dict[str, SecretPair]:
    """Where each tenant's secrets are."""
    return {name: SecretPair(hooks.header, hooks.secret, hooks.previous_secret) for name, hooks in settings.tenants.items()}


def _decision(prefix: str, secrets: HookSecrets) -> Decide:
    def is_admitted(tenant: str, headers: Mapping[str, str]) -> bool:
        given = headers.get(secrets.header_of(tenant))
        # tornado reads headers as Latin-1, so these are the bytes as they came.
        return secrets.admits(tenant, None if given is None else given.encode("latin-1", "replace"))

    def decision(method: str, target: str, headers: httputil.HTTPHeaders) -> Answer | Wanted:
        return decide(method, target, headers, prefix=prefix, is_admitted=is_admitted)

    return decision


async def _refresh(settings: ReceiverSettings, secrets: HookSecrets, server: HTTPServer) -> None:
    """Read secrets and certificate again when their files have changed."""
    while True:
        await asyncio.sleep(_REFRESH_SECONDS)
        secrets.refresh()
        certificate = settings.certificate
        if certificate is None:
            continue
        try:
            if certificate.refresh():
                server.ssl_options = certificate.context
                _LOG.info("the certificate was read again from %s", settings.hooks.cert_file)
        except OSError as error:
            _LOG.warning(
                "the certificate in %s can't be used (%s): the one before it stays in use",
                settings.hooks.cert_file,
                getattr(error, "reason", None) or error.strerror,
            )


def _announce(settings: ReceiverSettings, sockets: list[socket.socket], metrics_sockets: list[socket.socket]) -> None:
    scheme = "https" if settings.certificate else "http"
    where = ", ".join(f"{scheme}://{_name(each)}{settings.hooks.path_prefix}/<tenant>" for each in sockets)
    _LOG.info("receiving hooks of %d tenants at %s into %s", len(settings.tenants), where, settings.hooks.spool_dir)
    for each in metrics_sockets:
        _LOG.info("metrics at http://%s/metrics, health at /healthz", _name(each))


def _name(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _allow_files(tenants: int) -> int:
    """Raise the limit of open files as far as allowed and needed: each connection and each tenant's segment is one.

    Returns:
        The limit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * MOST_CONNECTIONS + _OTHER_FILES + tenants
    wanted = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return needed
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
