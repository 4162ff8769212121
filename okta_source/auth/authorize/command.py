"""`python -m okta_source authorize --tenant T`: opens the sign-in, waits for its answer, and stores the refresh token."""

import argparse
import contextlib
import dataclasses
import errno
import os
import shlex
import sys
from pathlib import Path

from okta_source.auth.authorize import browser
from okta_source.auth.authorize.callback import CallbackServer
from okta_source.auth.authorize.exchange import exchange
from okta_source.auth.authorize.outcome import Outcome, denied, no_answer, not_stored
from okta_source.auth.authorize.page import finished_page
from okta_source.auth.authorize.request import CALLBACK_PATH, DEFAULT_PORT, AuthorizationRequest
from okta_source.auth.authorize.tenant import load_tenant
from okta_source.auth.token_store import TokenStore, TokenStoreError
from okta_source.config.auth import RefreshTokenAuth
from okta_source.config.problems import ConfigurationError
from okta_source.config.secret import SecretError
from okta_source.config.tenant import TenantConfig
from okta_source.http.client import HttpClient
from okta_source.output import shape_help

__all__ = ["add_arguments", "run"]

_DEFAULT_TIMEOUT_SECONDS = 300.0
_ANY_CALLBACK = f"http://127.0.0.1:PORT{CALLBACK_PATH}"
_STORED, _NOT_STORED, _WRONG_CONFIGURATION, _INTERRUPTED = 0, 1, 2, 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    shape_help(
        parser,
        {
            0: "the refresh token is stored",
            1: "it is not: the reason and the fix are printed",
            2: "the configuration or an argument is wrong",
            130: "interrupted",
        },
        ["python -m okta_source authorize --tenant acme", "python -m okta_source authorize --tenant acme --no-browser --port 8765"],
        f"The app's sign-in redirect URI in Okta must be {_ANY_CALLBACK}.",
    )
    parser.add_argument("--tenant", required=True, metavar="T", help="the tenant's name in the configuration")
    parser.add_argument("--config", type=Path, metavar="F", help="the configuration file (default: $OKTA_PIPELINE_CONFIG, else okta.toml)")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help=f"where the browser comes back to (default: {DEFAULT_PORT})")
    parser.add_argument("--no-browser", action="store_true", help="only print the URL, as where there is no display")
    parser.add_argument(
        "--timeout", type=_seconds, default=_DEFAULT_TIMEOUT_SECONDS, metavar="SECONDS", help="how long to wait (default: %(default)g)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Authorise one tenant.

    Returns:
        The exit status.
    """
    try:
        tenant, auth = load_tenant(arguments.tenant, arguments.config, os.environ)
    except (ConfigurationError, SecretError) as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG_CONFIGURATION
    try:
        outcome = _authorize(tenant, auth, arguments)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped before the end; nothing was stored.\n")
        return _INTERRUPTED
    if outcome is None:
        return _NOT_STORED
    (sys.stdout if outcome.ok else sys.stderr).write(f"\n{outcome}\n")
    return _STORED if outcome.ok else _NOT_STORED


def _authorize(tenant: TenantConfig, auth: RefreshTokenAuth, arguments: argparse.Namespace) -> Outcome | None:
    try:
        # Somebody who has signed in shall not learn only then that it was in vain.
        with TokenStore(auth.token_store).lock():
            pass
    except TokenStoreError as error:
        return _as_typed(not_stored(tenant, str(error)), arguments)
    request = AuthorizationRequest.make(tenant.org_url, auth, arguments.port)
    strangers = _Strangers()
    try:
        server = CallbackServer(arguments.port, request.state, strangers)
    except OSError as error:
        sys.stderr.write(_port_problem(arguments.port, error))
        return None
    with server:
        _invite(tenant, request, arguments)
        answer = server.wait(arguments.timeout)
        if answer is None:
            return _as_typed(no_answer(tenant, request.redirect_uri, arguments.timeout, foreign=strangers.came), arguments)
        if "code" in answer:
            http = HttpClient(tenant)
            try:
                outcome = exchange(tenant, auth, request, answer["code"], http)
            finally:
                http.close()
        else:
            outcome = denied(tenant, auth, answer["error"], answer.get("error_description", ""))
        outcome = _as_typed(outcome, arguments)
        with contextlib.suppress(KeyboardInterrupt):  # it is over, whether the browser gets its page or not
            server.finish(finished_page(outcome), ok=outcome.ok)
    return outcome


def _as_typed(outcome: Outcome, arguments: argparse.Namespace) -> Outcome:
    """The outcome with a command that fits this one: the same file and port."""
    command = outcome.command
    if arguments.config:
        command += f" --config {shlex.quote(str(arguments.config))}"
    if not outcome.ok and arguments.port != DEFAULT_PORT:
        command += f" --port {arguments.port}"
    return dataclasses.replace(outcome, command=command)


def _invite(tenant: TenantConfig, request: AuthorizationRequest, arguments: argparse.Namespace) -> None:
    """Print the URL, on a line of its own, and open it where that can be done."""
    opens = not arguments.no_browser and browser.can_open()
    if opens:
        how = "A browser opens now; if no window appears, open this URL yourself:"
    else:
        how = (
            "Open this URL. If your browser is on another machine, forward the port from there first: "
            f"ssh -L {arguments.port}:127.0.0.1:{arguments.port} and the name of this machine."
        )
    sys.stdout.write(
        f"{tenant.display_name}: sign in at Okta as an administrator who may read the System Log, and allow access.\n"
        f"{how}\n\n{request.url}\n\n"
        f"Waiting up to {arguments.timeout:g} s for the answer at {request.redirect_uri} (Ctrl-C ends it)\n"
    )
    sys.stdout.flush()
    if opens:
        browser.open_in_background(request.url, lambda: _tell("No browser could be opened: open the URL above yourself."))


class _Strangers:
    """Tells once that somebody else came, however often they do."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self) -> None:
        first, self.came = not self.came, True
        if first:
            _tell("An answer that belongs to another sign-in was refused; still waiting for the one to the URL above.")


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _port_problem(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of this machine is in use, maybe by another `authorize`: end that, or take another one with --port and register "
            f"{_ANY_CALLBACK} with the app in Okta, under General > Login > Sign-in redirect URIs.\n"
        )
    return f"Port {port} of this machine can't be listened on ({error.strerror}): take another one with --port.\n"


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65535:
        return int(text)
    message = "a port is a number from 1 to 65535"
    raise argparse.ArgumentTypeError(message)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if 0 < seconds <= 86400:
        return seconds
    message = "a number of seconds, more than 0, up to 86400"
    raise argparse.ArgumentTypeError(message)
