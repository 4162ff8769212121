"""The index template: which members of an event can be searched, and how. Pure data.

What is mapped is what analysts search by; everything else stays in `_source` without a mapping (`dynamic: false`), so that no event makes
the mapping grow. A value that doesn't fit its type is left out of the index and stays in `_source`. Booleans are keywords, since
OpenSearch refuses an event over any other value of a boolean; `true` finds them all the same.

What no mapping can help the servers refuse: a scalar where an object is mapped, or the reverse; a member named `_id` or without a name; in
OpenSearch a `flat_object` value of over 32,766 bytes together with its path.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sinks.elasticsearch.aliases import alias_field, label_names, object_of_paths
from sinks.elasticsearch.ecs_mapping import ecs_mapping
from sinks.elasticsearch.lifecycle import Lifecycle
from sinks.elasticsearch.mapping import (
    Fields,
    date_field,
    free_object_field,
    geo_point_field,
    ip_field,
    keyword_field,
    long_field,
    object_field,
    text_field,
)
from sinks.elasticsearch.ocsf_mapping import ocsf_mapping
from sinks.elasticsearch.server import Server

__all__ = [
    "COMPONENT",
    "FIRST_PRIORITY",
    "NAME_PREFIX",
    "VERSION",
    "Additions",
    "ignores_missing_components",
    "index_pattern",
    "index_template",
    "template_name",
]

VERSION = 3
"""Goes up with every change of what is below; a server with a higher one is left alone."""

NAME_PREFIX = "okta-system-log-"
FIRST_PRIORITY = 500
COMPONENT = "okta-system-log@custom"
"""The component template that is the operator's own: this program reads it, and never writes it."""
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_ALIASED = ("event_type", "tenant", "org", "category", "action", "source", "ingested_at", "mapping_error")


@dataclass(frozen=True, slots=True)
class Additions:
    """What a template has beside what every one has.

    Attributes:
        label_keys: The labels that tenants are given.
        lifecycle: How long what is written under it is kept.
        settings: What an operator wrote into it, by whole names such as `index.number_of_replicas`.
        has_component: Whether the operator's component is there.
        retention: That of the configuration, from which the lifecycle comes; empty where it comes from elsewhere.
    """

    label_keys: Sequence[str] = ()
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    settings: Mapping[str, Any] = field(default_factory=dict)
    has_component: bool = False
    retention: str = ""


def ignores_missing_components(server: Server) -> bool:
    """Whether a template may name a component that isn't there yet."""
    return server.distribution == "elasticsearch" and server.version >= (8, 7)


def template_name(sink_name: str) -> str:
    """The template's name on the server."""
    return NAME_PREFIX + sink_name


def index_pattern(target: str) -> str:
    """A target with a `*` for each placeholder."""
    return _PLACEHOLDER.sub("*", target)


def index_template(
    server: Server,
    target: str,
    document_format: str = "raw",
    priority: int = FIRST_PRIORITY,
    former_patterns: Sequence[str] = (),
    additions: Additions | None = None,
) -> Mapping[str, Any]:
    """The body of `PUT /_index_template/NAME`.

    Args:
        server: The kind of server.
        target: The data stream or index, with its placeholders; an index per day where `{date}` is among them, else a data stream.
        document_format: Of the documents: raw, ecs or ocsf.
        priority: Decides between templates whose patterns both match.
        former_patterns: What it matched before, under other targets.
        additions: What this one has beside.
    """
    additions = additions or Additions()
    template: dict[str, Any] = {"mappings": _MAPPINGS[document_format](server, additions.label_keys)}
    settings = {**additions.settings, **additions.lifecycle.settings}
    if server.distribution == "elasticsearch" and server.version >= (8, 17):
        # Else logs-*-* would become logsdb, which may make up _source from the index (Elasticsearch 9): not what Okta sent any more.
        settings["index.mode"] = "standard"
    if settings:
        template["settings"] = settings
    if additions.lifecycle.stream is not None:
        template["lifecycle"] = dict(additions.lifecycle.stream)
    meta = {"product": "bytewax-okta", "description": "Okta System Log events, and alerts of them", "format": document_format}
    if additions.retention:
        meta["retention"] = additions.retention
    body: dict[str, Any] = {
        "index_patterns": [index_pattern(target), *former_patterns],
        "priority": priority,
        "version": VERSION,
        "_meta": meta,
        "template": template,
    }
    if ignores_missing_components(server):
        body["composed_of"] = body["ignore_missing_component_templates"] = [COMPONENT]
    elif additions.has_component:
        body["composed_of"] = [COMPONENT]
    if "{date}" not in target:
        body["data_stream"] = {}
        if server.distribution == "elasticsearch" and server.version >= (8, 19):
            # Else a refused event would count as taken, and lie in a store that no search looks at, instead of with the dead letters.
            template["data_stream_options"] = {"failure_store": {"enabled": False}}
    return body


def _raw_mapping(server: Server, label_keys: Sequence[str]) -> Fields:
    labels = label_names(label_keys)
    free = free_object_field(server)
    geography = object_field(
        city=keyword_field(), country=keyword_field(), state=keyword_field(), postalCode=keyword_field(), geolocation=geo_point_field()
    )
    network = {"asNumber": long_field(), "asOrg": keyword_field(), "domain": keyword_field(), "isp": keyword_field()}
    address_details = object_field(
        **network, ipServiceCategories=object_field(isAnonymous=keyword_field(), operator=keyword_field(), type=keyword_field())
    )
    address = object_field(
        ip=ip_field(), version=keyword_field(), source=keyword_field(), geographicalContext=geography, ipDetails=address_details
    )
    party = {"id": keyword_field(), "type": keyword_field(), "alternateId": keyword_field(), "displayName": keyword_field()}
    rule = object_field(
        id=keyword_field(),
        name=keyword_field(),
        title=keyword_field(),
        level=keyword_field(),
        tags=keyword_field(),
        author=keyword_field(),
        version=keyword_field(),
    )
    return {
        "dynamic": False,
        "properties": {
            # No ignore_malformed: data streams need it, and it is this pipeline that writes it.
            "@timestamp": {"type": "date"},
            "_okta_event_type": keyword_field(),
            "_okta_tenant": keyword_field(),
            "_okta_org": keyword_field(),
            "_okta_category": keyword_field(),
            "_okta_action": keyword_field(),
            "_okta_source": keyword_field(),
            "_okta_ingested_at": date_field(),
            "_okta_labels": object_of_paths({name: keyword_field() for name in labels}),
            "_okta_mapping_error": keyword_field(),
            # OpenSearch Dashboards hides every field whose name begins with _.
            "okta": object_of_paths({
                **{name: alias_field(f"_okta_{name}") for name in _ALIASED},
                **{f"labels.{name}": alias_field(f"_okta_labels.{name}") for name in labels},
            }),
            "uuid": keyword_field(),
            "published": date_field(),
            "insertionTimestamp": date_field(),
            "eventType": keyword_field(),
            "legacyEventType": keyword_field(),
            "version": keyword_field(),
            "severity": keyword_field(),
            "displayMessage": text_field(),
            "actor": object_field(**party),
            "target": object_field(**party),
            "client": object_field(
                id=keyword_field(),
                device=keyword_field(),
                zone=keyword_field(),
                ipAddress=ip_field(),
                ipChain=address,
                geographicalContext=geography,
                userAgent=object_field(rawUserAgent=keyword_field(), os=keyword_field(), browser=keyword_field()),
            ),
            "device": object_field(
                id=keyword_field(), name=keyword_field(), os_platform=keyword_field(), os_version=keyword_field(),
                osVersion=keyword_field(), platform=keyword_field(), managed=keyword_field(), registered=keyword_field(),
            ),
            "authenticationContext": object_field(
                authenticationProvider=keyword_field(),
                authenticationStep=long_field(),
                credentialProvider=keyword_field(),
                credentialType=keyword_field(),
                externalSessionId=keyword_field(),
                rootSessionId=keyword_field(),
                interface=keyword_field(),
                issuer=object_field(id=keyword_field(), type=keyword_field()),
            ),
            "outcome": object_field(result=keyword_field(), reason=keyword_field()),
            "request": object_field(ipChain=address),
            "securityContext": object_field(
                **network,
                isProxy=keyword_field(),
                ipDetails=address_details,
                risk=object_field(
                    level=keyword_field(), previousLevel=keyword_field(), reasons=keyword_field(), detectionName=keyword_field(),
                    issuer=keyword_field(),
                ),
                userBehaviors=object_field(id=keyword_field(), name=keyword_field(), result=keyword_field()),
                botProtection=object_field(level=keyword_field()),
            ),
            "transaction": object_field(
                id=keyword_field(),
                type=keyword_field(),
                detail=object_field(
                    requestApiTokenId=keyword_field(), rootApiTokenId=keyword_field(), requestApiTokenClientId=keyword_field()
                ),
            ),
            "debugContext": object_field(debugData=free),
            # Of alerts: the rule, the group, the window, and who and where of the event that completed it.
            "rule": rule,
            "kind": keyword_field(),
            "group": free,
            "count": long_field(),
            "first_event_at": date_field(),
            "last_event_at": date_field(),
            "events": object_field(uuid=keyword_field(), published=date_field(), eventType=keyword_field(), rule=keyword_field()),
            "event": object_field(
                uuid=keyword_field(),
                eventType=keyword_field(),
                displayMessage=keyword_field(),
                actor=object_field(**party),
                target=object_field(**party),
                client=object_field(ipAddress=ip_field(), geographicalContext=geography),
                outcome=object_field(result=keyword_field(), reason=keyword_field()),
            ),
        },
    }  # fmt: skip


_MAPPINGS: Final[Mapping[str, Callable[[Server, Sequence[str]], Fields]]] = {
    "raw": _raw_mapping,
    "ecs": ecs_mapping,
    "ocsf": lambda server, _: ocsf_mapping(server),
}
