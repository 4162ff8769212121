"""The index template: which members of an event can be searched, and how. Pure data.

What is mapped is what analysts search by; everything else stays in `_source` without a mapping (`dynamic: false`), so that no event makes
the mapping grow. A value that doesn't fit its type is left out of the index and stays in `_source`. Booleans are keywords, since
OpenSearch refuses an event over any other value of a boolean; `true` finds them all the same.

What no mapping can help the servers refuse: a scalar where an object is mapped, or the reverse; a member named `_id` or without a name; in
OpenSearch a `flat_object` value of over 32,766 bytes together with its path.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sinks.elasticsearch.server import Server

__all__ = ["FIRST_PRIORITY", "NAME_PREFIX", "VERSION", "index_pattern", "index_template", "template_name"]

VERSION = 2
"""Goes up with every change of what is below; a server with a higher one is left alone."""

NAME_PREFIX = "okta-system-log-"
FIRST_PRIORITY = 500
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")

# Lucene takes 32,766 bytes at most; the servers count characters, of at most 4 bytes each.
_LONGEST_KEYWORD_CHARACTERS = 8191

# The servers parse nothing deeper; the default of 20 would have them refuse the event.
_DEEPEST_JSON = 1000

_Mapping = dict[str, Any]


def template_name(sink_name: str) -> str:
    """The template's name on the server."""
    return NAME_PREFIX + sink_name


def index_pattern(target: str) -> str:
    """A target with a `*` for each placeholder."""
    return _PLACEHOLDER.sub("*", target)


def index_template(server: Server, target: str, priority: int = FIRST_PRIORITY, former_patterns: Sequence[str] = ()) -> Mapping[str, Any]:
    """The body of `PUT /_index_template/NAME`.

    Args:
        server: The kind of server.
        target: The data stream or index, with its placeholders; an index per day where `{date}` is among them, else a data stream.
        priority: Decides between templates whose patterns both match.
        former_patterns: What it matched before, under other targets.
    """
    template: dict[str, Any] = {"mappings": _mappings(server)}
    body: dict[str, Any] = {
        "index_patterns": [index_pattern(target), *former_patterns],
        "priority": priority,
        "version": VERSION,
        "_meta": {"product": "bytewax-okta", "description": "Okta System Log events, and alerts of them"},
        "template": template,
    }
    if server.distribution == "elasticsearch" and server.version >= (8, 17):
        # Else logs-*-* would become logsdb, which may make up _source from the index (Elasticsearch 9): not what Okta sent any more.
        template["settings"] = {"index.mode": "standard"}
    if "{date}" not in target:
        body["data_stream"] = {}
        if server.distribution == "elasticsearch" and server.version >= (8, 19):
            # Else a refused event would count as taken, and lie in a store that no search looks at, instead of with the dead letters.
            template["data_stream_options"] = {"failure_store": {"enabled": False}}
    return body


def _mappings(server: Server) -> _Mapping:
    free = _free_object(server)
    geography = _object(city=_keyword(), country=_keyword(), state=_keyword(), postalCode=_keyword(), geolocation=_geo_point())
    network = {"asNumber": _long(), "asOrg": _keyword(), "domain": _keyword(), "isp": _keyword()}
    address_details = _object(**network, ipServiceCategories=_object(isAnonymous=_keyword(), operator=_keyword(), type=_keyword()))
    address = _object(ip=_ip(), version=_keyword(), source=_keyword(), geographicalContext=geography, ipDetails=address_details)
    rule = _object(
        id=_keyword(), name=_keyword(), title=_keyword(), level=_keyword(), tags=_keyword(), author=_keyword(), version=_keyword()
    )
    party = {"id": _keyword(), "type": _keyword(), "alternateId": _keyword(), "displayName": _keyword()}
    return {
        "dynamic": False,
        "properties": {
            # No ignore_malformed: data streams need it, and it is this pipeline that writes it.
            "@timestamp": {"type": "date"},
            "_okta_event_type": _keyword(),
            "_okta_tenant": _keyword(),
            "_okta_org": _keyword(),
            "_okta_category": _keyword(),
            "_okta_action": _keyword(),
            "_okta_source": _keyword(),
            "_okta_ingested_at": _date(),
            "_okta_labels": free,
            "_okta_mapping_error": _keyword(),
            "uuid": _keyword(),
            "published": _date(),
            "insertionTimestamp": _date(),
            "eventType": _keyword(),
            "legacyEventType": _keyword(),
            "version": _keyword(),
            "severity": _keyword(),
            "displayMessage": {"type": "text", "fields": {"keyword": _keyword()}},
            "actor": _object(**party),
            "target": _object(**party),
            "client": _object(
                id=_keyword(),
                device=_keyword(),
                zone=_keyword(),
                ipAddress=_ip(),
                ipChain=address,
                geographicalContext=geography,
                userAgent=_object(rawUserAgent=_keyword(), os=_keyword(), browser=_keyword()),
            ),
            "device": _object(id=_keyword(), name=_keyword(), os_platform=_keyword(), os_version=_keyword(), osVersion=_keyword(),
                              platform=_keyword(), managed=_keyword(), registered=_keyword()),
            "authenticationContext": _object(
                authenticationProvider=_keyword(),
                authenticationStep=_long(),
                credentialProvider=_keyword(),
                credentialType=_keyword(),
                externalSessionId=_keyword(),
                rootSessionId=_keyword(),
                interface=_keyword(),
                issuer=_object(id=_keyword(), type=_keyword()),
            ),
            "outcome": _object(result=_keyword(), reason=_keyword()),
            "request": _object(ipChain=address),
            "securityContext": _object(
                **network,
                isProxy=_keyword(),
                ipDetails=address_details,
                risk=_object(level=_keyword(), previousLevel=_keyword(), reasons=_keyword(), detectionName=_keyword(), issuer=_keyword()),
                userBehaviors=_object(id=_keyword(), name=_keyword(), result=_keyword()),
                botProtection=_object(level=_keyword()),
            ),
            "transaction": _object(
                id=_keyword(),
                type=_keyword(),
                detail=_object(requestApiTokenId=_keyword(), rootApiTokenId=_keyword(), requestApiTokenClientId=_keyword()),
            ),
            "debugContext": _object(debugData=free),
            # Of alerts: the rule, the group, the window, and who and where of the event that completed it.
            "rule": rule,
            "kind": _keyword(),
            "group": free,
            "count": _long(),
            "first_event_at": _date(),
            "last_event_at": _date(),
            "events": _object(uuid=_keyword(), published=_date(), eventType=_keyword(), rule=_keyword()),
            "event": _object(
                uuid=_keyword(),
                eventType=_keyword(),
                displayMessage=_keyword(),
                actor=_object(**party),
                target=_object(**party),
                client=_object(ipAddress=_ip(), geographicalContext=geography),
                outcome=_object(result=_keyword(), reason=_keyword()),
            ),
        },
    }  # fmt: skip


def _object(**properties: _Mapping) -> _Mapping:
    return {"dynamic": False, "properties": properties}


def _free_object(server: Server) -> _Mapping:
    """An object with members of any name, each searchable as a keyword without a mapping of its own."""
    if server.distribution == "elasticsearch":
        return {"type": "flattened", "ignore_above": _LONGEST_KEYWORD_CHARACTERS, "depth_limit": _DEEPEST_JSON}
    if server.version >= (2, 7):
        return {"type": "flat_object"}
    return {"type": "object", "enabled": False}


def _keyword() -> _Mapping:
    return {"type": "keyword", "ignore_above": _LONGEST_KEYWORD_CHARACTERS}


def _date() -> _Mapping:
    return {"type": "date", "ignore_malformed": True}


def _long() -> _Mapping:
    return {"type": "long", "ignore_malformed": True}


def _ip() -> _Mapping:
    return {"type": "ip", "ignore_malformed": True}


def _geo_point() -> _Mapping:
    return {"type": "geo_point", "ignore_malformed": True}
