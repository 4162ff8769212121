"""The options that `search` and `tail` share: what is looked for, and in which archives."""

import argparse
from ipaddress import ip_network

from flows.pipeline.scim.names import Names, name_in_alert, name_in_event
from flows.pipeline.scim.parser import parse_filter
from flows.pipeline.scim.predicate import keywords
from flows.pipeline.scim.problem import FilterError, did_you_mean
from flows.pipeline.scim.syntax import All, Any, Comparison, Condition, Network, Path, Pattern
from flows.reading.archives import Sources, configured, given
from okta_source.events.categories import CATEGORIES
from okta_source.events.fields import event_types, suggest_event_type

__all__ = [
    "UsageProblem",
    "add_source_arguments",
    "add_what_arguments",
    "condition_of",
    "names_of",
    "sources_of",
    "tenants_of",
    "warnings_of",
]

_WHO: tuple[Path, ...] = tuple((owner, name) for owner in ("actor", "target") for name in ("alternateId", "id", "displayName"))
_FROM: tuple[Path, ...] = (("client", "ipAddress"), ("request", "ipChain", "ip"))


class UsageProblem(Exception):  # noqa: N818 (it names what is the case)
    """An argument can't be used; the message says which, why, and what is allowed."""


def add_what_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is looked for."""
    parser.add_argument(
        "filter",
        nargs="?",
        default="",
        metavar="FILTER",
        help="Okta's own filter language (SCIM), as in Reports > System Log (default: everything)",
    )
    add = parser.add_argument_group("short forms (the same one twice: either; different ones: both)").add_argument
    add("--user", action="append", metavar="WHO", help="actor or target: login, id or display name; * and ? stand for any characters")
    add(
        "--ip", action="append", metavar="ADDRESS", help="client address, or one on its way: an address or a network such as 203.0.113.0/24"
    )
    add("--action", action="append", metavar="NAME", help="_okta_action: sign_in, mfa_reset, admin_granted, …; globs")
    add("--category", action="append", metavar="NAME", choices=CATEGORIES, help=f"{', '.join(CATEGORIES)}")
    add("--outcome", action="append", metavar="RESULT", help="outcome.result: SUCCESS, FAILURE, DENY, …; globs")
    add("--event-type", action="append", metavar="TYPE", help="event types; globs such as user.session.*")
    add("--q", metavar="WORDS", help="words that must all be somewhere in the event, as Okta's q finds them")
    add("--alerts", action="store_true", help="alerts, not events")
    add("--any-field", action="store_true", help="take field names that Okta doesn't document")


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where it is looked for."""
    add = parser.add_argument_group("where").add_argument
    add("--config", metavar="FILE", help="the configuration whose file sinks are read (default: $OKTA_PIPELINE_CONFIG, else okta.toml)")
    add("--sink", action="append", metavar="NAME", help="only this file sink; may be given several times (default: all)")
    add("--path", action="append", metavar="PATH", help="files, folders or globs in place of a configuration; may be given several times")
    add("--tenant", action="append", metavar="NAME", help="only this tenant; may be given several times (default: all)")


def names_of(arguments: argparse.Namespace) -> Names | None:
    """Which field names are allowed."""
    return None if arguments.any_field else name_in_alert if arguments.alerts else name_in_event


def condition_of(arguments: argparse.Namespace) -> Condition:
    """What the filter and the short forms say together.

    Raises:
        UsageProblem: One of them can't be understood.
    """
    try:
        parts = [parse_filter(arguments.filter, names_of(arguments))]
    except FilterError as error:
        message = f"the filter can't be understood\n  {error.pointed()}"
        raise UsageProblem(message) from None
    for given_texts, make in (
        (arguments.user, lambda text: Pattern(_WHO, text)),
        (arguments.ip, _network),
        (arguments.action, lambda text: Pattern((("_okta_action",),), text.lower(), cased=True)),
        (arguments.category, lambda text: Comparison(("_okta_category",), "eq", text)),
        (arguments.outcome, lambda text: Pattern((("outcome", "result"),), text.upper(), cased=True)),
        (arguments.event_type, lambda text: Pattern((("eventType",),), text, cased=True)),
    ):
        if given_texts:
            parts.append(Any(tuple(make(text) for text in given_texts)))
    if arguments.q:
        parts.append(keywords(arguments.q))
    return All(tuple(part for part in parts if part != All(())))


def warnings_of(arguments: argparse.Namespace, sources: Sources) -> list[str]:
    """What is allowed but deserves a look: an event type that Okta's catalogue doesn't have, sinks that are left out."""
    found = list(sources.notes)
    for text in arguments.event_type or ():
        if not set("*?[") & set(text) and text not in event_types():
            near = suggest_event_type(text)
            found.append(f"--event-type {text}: not in Okta's catalogue" + (f"; did you mean {near}?" if near else ""))
    return found


def sources_of(arguments: argparse.Namespace) -> Sources:
    """Where to look.

    Raises:
        ArchivesUnknown: The configuration or an option doesn't say.
        UsageProblem: There is no such tenant.
    """
    if arguments.path:
        if arguments.config or arguments.sink:
            message = "--path stands in place of --config and --sink: give one or the other"
            raise UsageProblem(message)
        return given(arguments.path)
    sources = configured(arguments.config, arguments.sink or (), alerts=arguments.alerts)
    for name in arguments.tenant or ():
        if name not in sources.tenants:
            there = ", ".join(sources.tenants[:30])
            message = f"--tenant {name}: there is no such tenant{did_you_mean(name, sources.tenants)}; there are: {there}"
            raise UsageProblem(message)
    return sources


def tenants_of(arguments: argparse.Namespace, sources: Sources) -> tuple[str, ...]:
    """The tenants whose events may come."""
    return tuple(dict.fromkeys(arguments.tenant or sources.tenants))


def _network(text: str) -> Network:
    try:
        return Network(_FROM, ip_network(text.strip(), strict=False))
    except ValueError:
        message = f"--ip {text}: neither an address nor a network; expected: 203.0.113.7, 203.0.113.0/24, 2001:db8::/32"
        raise UsageProblem(message) from None
