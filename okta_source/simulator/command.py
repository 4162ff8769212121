"""`python -m okta_source simulate`: organisations on this machine until SIGINT or SIGTERM."""

import argparse
import contextlib
import re
import resource
import secrets
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from okta_source.output import shape_help
from okta_source.simulator.announcement import announce, write_expectations
from okta_source.simulator.attacks import ATTACK_SPAN_SECONDS, ATTACKS
from okta_source.simulator.certificates import CertificateAuthority
from okta_source.simulator.event_hook import EventHook
from okta_source.simulator.faults import Faults
from okta_source.simulator.oauth import CALLBACK_URL
from okta_source.simulator.organisation import Organisation
from okta_source.simulator.rate_limit import RateLimit
from okta_source.simulator.registrations import METHODS, Registration, register_app, with_api_token
from okta_source.simulator.simulator import Simulator

_NAMES = ("acme", "globex", "initech", "umbrella", "hooli")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shape_help(
        parser,
        {0: "stopped by SIGINT or SIGTERM", 2: "an argument makes no sense, or a port is taken"},
        [
            "python -m okta_source simulate --tenants 2 --events 10000 --write-config sim/okta.toml",
            "python -m okta_source simulate --port 0 --rate 5 --faults 0.02 --tls",
        ],
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=4580, help="port of the first organisation, the others follow; 0: free ports (default: %(default)s)")
    add("--tenants", type=int, default=1, help="how many organisations (default: %(default)s)")
    add("--names", default="", help="their names, separated by commas (default: acme, globex, ...)")
    add("--events", type=int, default=10_000, help="events of each before the start (default: %(default)s)")
    add("--seed", type=int, default=1, help="same seed, same events (default: %(default)s)")
    add("--rate", type=float, default=0.0, help="further events per second and organisation (default: %(default)s)")
    add("--span-seconds", type=float, default=86_400.0, help="how far back the events reach (default: %(default)s)")
    add("--now", default="", help="ISO 8601 time at which the organisations' clocks start (default: this machine's)")
    add("--limit", type=int, default=600, help="requests per minute; 0: no rate limit, no headers (default: %(default)s)")
    add("--window-seconds", type=float, default=60.0, help="length of the rate limit's window (default: %(default)s)")
    add("--faults", type=float, default=0.0, help="probability of each fault that a client can recover from (default: %(default)s)")
    add(
        "--mix",
        choices=("varied", "everyday"),
        default="varied",
        help="varied: of every kind of event something; everyday: nothing that anybody should look at (default: %(default)s)",
    )
    add(
        "--attack",
        default="",
        metavar="NAMES",
        help="put attacks into the last three hours of the backlog, separated by commas, or `all`; best with --mix everyday. "
        + "; ".join(f"{name}: {attack.about}" for name, attack in ATTACKS.items()),
    )
    add("--late", type=float, default=0.0, help="share of events persisted long after they were published (default: %(default)s)")
    add("--latency-ms", type=float, default=0.0, help="wait before each answer (default: %(default)s)")
    add("--event-bytes", type=int, default=None, help="mean size of an event (default: natural, about 2200)")
    add("--link-form", default="joined", help="form of the Link header (default: %(default)s)")
    add("--warm", action="store_true", help="prepare all pages of 1000 events before the start, for benchmarks")
    add("--no-gzip", action="store_true", help="never compress")
    add("--write-config", type=Path, metavar="FILE", help="write a pipeline configuration for these organisations")
    add("--sink-path", default="out/{tenant}/{date}.ndjson", help="path of its file sink (default: %(default)s)")
    add("--poll-interval", type=int, default=1, help="its poll interval in seconds (default: %(default)s)")
    add("--auth", choices=("ssws", *METHODS), default="ssws", help="how it gets in; an app is registered for it (default: %(default)s)")
    add(
        "--clients",
        default="",
        metavar="METHODS",
        help="register an app for each of these methods too, separated by commas, or `all`: " + ", ".join(METHODS) + "; its key or secret "
        "goes into a file beside the configuration, or without one to the screen",
    )
    add("--dpop", action="store_true", help="the apps' access tokens must be bound to a DPoP key")
    add("--access-token-seconds", type=int, default=3600, help="life of an access token (default: %(default)s)")
    add("--redirect-uri", default=CALLBACK_URL, help="where sign-ins of the refresh_token app lead back to (default: %(default)s)")
    add("--tls", action="store_true", help="serve https with a certificate authority made for this run")
    add("--ca-file", type=Path, metavar="FILE", help="where its certificate goes (default: ca.pem, beside the configuration)")
    add("--hooks", default="", metavar="URL", help="deliver live events by event hook to URL/NAME of each organisation")
    add("--hook-mode", choices=("merge", "wake"), default="merge", help="what the configuration says of it (default: %(default)s)")
    add("--hook-form", choices=("hook", "eventbridge"), default="hook", help="as Okta's hooks, or as EventBridge (default: %(default)s)")
    add("--hook-delay-seconds", type=float, default=10.0, help="from an event to its delivery (default: %(default)s)")
    add("--hook-faults", type=float, default=0.0, help="share lost, share sent twice, share out of order (default: %(default)s)")
    add("--expect", metavar="FILE", help="write `uuid sha256` of every event, one file per organisation ({tenant} in the name)")


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal.

    Returns:
        0 after SIGINT or SIGTERM, 2 for arguments that make no sense or a port that is taken.
    """
    try:
        organisations = build_organisations(arguments)
        registrations = register_apps(organisations, arguments)
    except ValueError as error:
        sys.stderr.write(f"simulate: {error}\n")
        return 2
    _allow_files(len(organisations))
    authority = CertificateAuthority() if arguments.tls else None
    context = authority.server_context(arguments.host, "localhost") if authority else None
    simulator = Simulator(organisations, host=arguments.host, port=arguments.port, ssl_context=context)
    with _until_signal() as wait:
        try:
            simulator.start()
        except OSError as error:
            sys.stderr.write(f"simulate: can't listen on {arguments.host}:{arguments.port}: {error}\n")
            return 2
        try:
            ca_file = _write_authority(authority, arguments) if authority else None
            announce(simulator, arguments, registrations, ca_file)
            wait()
        finally:
            simulator.stop()
        if arguments.expect and arguments.rate:
            write_expectations(simulator, arguments.expect)
    return 0


def build_organisations(arguments: argparse.Namespace) -> list[Organisation]:
    """The organisations that the arguments describe.

    Raises:
        ValueError: An argument is out of range; the message names it.
    """
    given = [name.strip() for name in arguments.names.split(",") if name.strip()]
    names = given or [_NAMES[i] if i < len(_NAMES) else f"tenant-{i + 1:04d}" for i in range(arguments.tenants)]
    for name in names:
        if not _NAME.fullmatch(name):
            message = f"--names: {name!r} is not a name of a-z, 0-9, _ and - (at most 63)"
            raise ValueError(message)
    if len(set(names)) != len(names) or not names:
        message = "--names, --tenants: at least one organisation, and no name twice"
        raise ValueError(message)
    if arguments.events < 0 or arguments.rate < 0 or arguments.span_seconds <= 0:
        message = "--events and --rate must be 0 or more, --span-seconds above 0"
        raise ValueError(message)
    attacks = _attacks(arguments)
    now = datetime.fromisoformat(arguments.now) if arguments.now else None
    if now and now.tzinfo is None:
        now = now.replace(tzinfo=UTC)
    return [
        Organisation(
            name,
            hooks=[_hook(name, arguments)] if arguments.hooks else (),
            seed=arguments.seed,
            events=arguments.events,
            span_seconds=arguments.span_seconds,
            rate_per_second=arguments.rate,
            rate_limit=RateLimit(arguments.limit, arguments.window_seconds) if arguments.limit else None,
            faults=Faults.all(arguments.faults) if arguments.faults else Faults(),
            latency_seconds=arguments.latency_ms / 1000,
            link_form=arguments.link_form,
            late_probability=arguments.late,
            event_bytes=arguments.event_bytes,
            gzip=not arguments.no_gzip,
            now=now,
            mix=arguments.mix,
            attacks=attacks,
        )
        for name in names
    ]


def _attacks(arguments: argparse.Namespace) -> list[str]:
    given = [name.strip() for name in arguments.attack.split(",") if name.strip()]
    names = list(ATTACKS) if given == ["all"] else given
    for name in names:
        if name not in ATTACKS:
            message = f"--attack: there is no attack {name!r}; there are {', '.join(ATTACKS)} and all"
            raise ValueError(message)
    if names and arguments.span_seconds < ATTACK_SPAN_SECONDS:
        message = f"--attack needs a backlog of three hours: --span-seconds {ATTACK_SPAN_SECONDS} or more"
        raise ValueError(message)
    return names


def _hook(name: str, arguments: argparse.Namespace) -> EventHook:
    return EventHook(
        url=f"{arguments.hooks.rstrip('/')}/{name}",
        secret=secrets.token_hex(32),
        form=arguments.hook_form,
        delay_seconds=arguments.hook_delay_seconds,
        loss=arguments.hook_faults,
        repeat=arguments.hook_faults,
        reorder=arguments.hook_faults,
    )


def register_apps(organisations: Sequence[Organisation], arguments: argparse.Namespace) -> dict[str, dict[str, Registration]]:
    """Register the apps that the arguments ask for.

    Returns:
        Every way in, by organisation and by method.

    Raises:
        ValueError: A method is unknown, or an access token would live no time.
    """
    named = METHODS if arguments.clients == "all" else tuple(filter(None, (name.strip() for name in arguments.clients.split(","))))
    if arguments.access_token_seconds < 1 or not set(METHODS).issuperset(named):
        message = f"--clients must be `all` or some of {', '.join(METHODS)}; --access-token-seconds 1 or more"
        raise ValueError(message)
    wanted = [method for method in METHODS if method in (*named, arguments.auth)]
    registrations: dict[str, dict[str, Registration]] = {}
    for organisation in organisations:
        ways = registrations[organisation.name] = {"ssws": with_api_token(organisation.token)}
        for method in wanted:
            made = register_app(
                organisation.name,
                method,
                dpop=arguments.dpop,
                access_token_seconds=arguments.access_token_seconds,
                redirect_uri=arguments.redirect_uri,
            )
            ways[method] = made
            if made.client is not None:
                organisation.register(made.client)
    return registrations


def _write_authority(authority: CertificateAuthority, arguments: argparse.Namespace) -> Path:
    path: Path = arguments.ca_file or (arguments.write_config.parent if arguments.write_config else Path()) / "ca.pem"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(authority.pem())
    return path


@contextlib.contextmanager
def _until_signal() -> Iterator[Callable[[], object]]:
    """Catch SIGINT and SIGTERM, and offer to wait for them; one that came before the wait ends it at once."""
    # A blocked signal stays pending, so none is lost between two waits; threads started from here inherit the mask.
    wanted = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    try:
        yield lambda: signal.sigwait(wanted)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _allow_files(organisations: int) -> None:
    """Raise the limit of open files as far as allowed: each organisation takes a socket, and so does each connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 256 + 8 * organisations
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(hard, wanted), hard))
