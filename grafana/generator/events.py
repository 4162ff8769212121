"""Events: what happens in the organisations, from the documents that the search sink wrote."""

from functools import partial

from grafana_foundation_sdk.models import dashboard as models

from grafana.generator.board import Row, board, line
from grafana.generator.event_panels import counted, documents, lines, over_time, places, ranking, top
from grafana.generator.searches import ELASTICSEARCH, OPENSEARCH, Plugin, Search
from grafana.generator.variables import EVENTS_SOURCE, data_source, event_filters, event_search, event_tenant

__all__ = ["OPENSEARCH_UID", "UID", "build", "build_for_opensearch"]

UID = "okta-events"
OPENSEARCH_UID = "okta-events-opensearch"

# What a directory's agent does for a person has Okta itself as its actor, and comes beside the person's own sign-in.
_SIGN_IN = "_okta_action:sign_in AND NOT actor.type:SystemPrincipal"
_FAILED = f"{_SIGN_IN} AND outcome.result:FAILURE"
_MFA = "_okta_action:(mfa_enabled OR mfa_disabled OR mfa_reset OR mfa_bypass)"
_ADMIN = "_okta_category:administrative OR _okta_action:(admin_granted OR admin_revoked)"
_COUNTRY = "client.geographicalContext.country"
_PLACE = "client.geographicalContext.geolocation"
_WHO = "actor.alternateId"
_WHENCE = "client.ipAddress"
_COLORS = {"SUCCESS": "green", "FAILURE": "red", "CHALLENGE": "orange"}
_FEED = {
    "@timestamp": "Time",
    "_okta_tenant": "Tenant",
    "severity": "Severity",
    "eventType": "Event type",
    "displayMessage": "Message",
    "outcome.result": "Result",
    "outcome.reason": "Reason",
    _WHO: "Actor",
    _WHENCE: "Address",
    _COUNTRY: "Country",
}


def build() -> models.Dashboard:
    """The dashboard for Elasticsearch."""
    return _board(UID, "Okta / Events", ELASTICSEARCH)


def build_for_opensearch() -> models.Dashboard:
    """The same for OpenSearch, whose data source is a plugin of its own."""
    return _board(OPENSEARCH_UID, "Okta / Events (OpenSearch)", OPENSEARCH)


def _board(uid: str, title: str, plugin: Plugin) -> models.Dashboard:
    return board(
        uid,
        title,
        "What happens in the organisations: sign-ins, second factors, administrators, places, and every event, searchable.",
        [data_source(EVENTS_SOURCE, plugin, "Events"), event_tenant(), event_search(), event_filters(plugin)],
        [_totals(plugin), _sign_ins(plugin), _changes(plugin), _feed(plugin)],
        since="now-24h",
        refresh="1m",
        restarts=False,
    )


def _totals(plugin: Plugin) -> Row:
    number = partial(counted, plugin)
    return Row(
        "In this time",
        line(
            4,
            number("Events", "Events that were delivered to the search sink.", Search(over_time=True), width=4),
            number(
                "Sign-ins",
                "Attempts to sign in, whatever came of them, without what a directory's agent did for them.",
                Search(_SIGN_IN, over_time=True),
                width=4,
            ),
            number("Failed sign-ins", "Attempts to sign in that failed.", Search(_FAILED, over_time=True), width=4),
            number(
                "Factor changes",
                "Second factors that were set up, taken away, reset or bypassed.",
                Search(_MFA, over_time=True),
                width=4,
            ),
            number("Admin actions", "Administrative events, and admin roles given or taken.", Search(_ADMIN, over_time=True), width=4),
            number(
                "Accounts locked",
                "Accounts that were locked, as after too many wrong passwords.",
                Search("_okta_action:account_locked", over_time=True),
                width=4,
            ),
        ),
    )


def _sign_ins(plugin: Plugin) -> Row:
    by_result = Search(_SIGN_IN, by=(("outcome.result", 6),), over_time=True, alias="{{term outcome.result}}")
    return Row(
        "Sign-ins",
        line(
            8,
            over_time(plugin, "Sign-ins by result", "Attempts to sign in, by what came of them.", [by_result], _COLORS, width=10),
            ranking(
                plugin,
                "Countries",
                "From where attempts to sign in came, as Okta places their addresses.",
                Search(_SIGN_IN, by=((_COUNTRY, 10),)),
                width=7,
            ),
            places(
                plugin,
                "Places",
                "From where events came, as Okta places their addresses, in squares of about 150 km.",
                Search(geohash=_PLACE),
                width=7,
            ),
        ),
        line(
            8,
            top(
                plugin,
                "Addresses that try many users",
                "Where failed sign-ins came from, by how many different users they tried: password spraying shows here.",
                Search(_FAILED, by=((_WHENCE, 20),), distinct=_WHO),
                {_WHENCE: "Address", "Unique Count": "Users"},
                width=8,
            ),
            top(
                plugin,
                "Users who fail most",
                "Whose sign-ins failed, how often.",
                Search(_FAILED, by=((_WHO, 20),)),
                {_WHO: "User", "Count": "Failed sign-ins"},
                width=8,
            ),
            top(
                plugin,
                "Reasons of failures",
                "What Okta says of failed sign-ins.",
                Search(_FAILED, by=(("outcome.reason", 20),)),
                {"outcome.reason": "Reason", "Count": "Failed sign-ins"},
                width=8,
            ),
        ),
    )


def _changes(plugin: Plugin) -> Row:
    factors = Search(_MFA, by=(("_okta_action", 6),), over_time=True, alias="{{term _okta_action}}")
    actions = Search(_ADMIN, by=(("eventType", 10),), over_time=True, alias="{{term eventType}}")
    return Row(
        "Changes",
        line(
            8,
            over_time(
                plugin,
                "Factor changes by kind",
                "Second factors that were set up, taken away, reset or bypassed.",
                [factors],
                width=8,
            ),
            over_time(plugin, "Admin actions by type", "Administrative events, and admin roles given or taken.", [actions], width=8),
            top(
                plugin,
                "Who changes what",
                "Who did administrative things and changed factors, and which, how often.",
                Search(f"({_ADMIN}) OR {_MFA}", by=((_WHO, 15), ("eventType", 5))),
                {_WHO: "Actor", "eventType": "Event type", "Count": "Events"},
                width=8,
            ),
        ),
        line(
            8,
            top(
                plugin,
                "Top actors",
                "Who caused the most events, but for Okta itself.",
                Search("NOT actor.type:SystemPrincipal", by=((_WHO, 20),)),
                {_WHO: "Actor", "Count": "Events"},
                width=8,
            ),
            top(
                plugin,
                "Top addresses",
                "From where the most events came.",
                Search(by=((_WHENCE, 20),)),
                {_WHENCE: "Address", "Count": "Events"},
                width=8,
            ),
            top(
                plugin,
                "Top event types",
                "What happened most.",
                Search(by=(("eventType", 20),)),
                {"eventType": "Event type", "Count": "Events"},
                width=8,
            ),
        ),
    )


def _feed(plugin: Plugin) -> Row:
    return Row(
        "Events",
        line(
            12,
            documents(
                plugin,
                "Event feed",
                "The newest 500 events that match the Lucene query on top. A column's filter narrows what is shown, not what is searched.",
                Search(kind="raw_data", size=500),
                _FEED,
                width=24,
            ),
        ),
        line(
            12,
            lines(
                plugin,
                "Whole events",
                "The newest 200 events that match; a line unfolds to the event with all its members, each of which can become a filter.",
                Search(kind="logs", size=200),
                width=24,
            ),
        ),
    )
