"""How ECS documents are indexed: the fields of ECS that they fill, and `okta.*` as Elastic's integration declares it. Pure data.

Types are those of ECS 8.11, with the exceptions of `mapping`. What differs from event to event in its shape is one field that takes any:
`changeDetails` has been seen with a text where another event has an object, which an ordinary mapping refuses.
"""

from collections.abc import Sequence

from sinks.elasticsearch.aliases import label_names, object_of_paths
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
from sinks.elasticsearch.server import Server

__all__ = ["ecs_mapping"]


def ecs_mapping(server: Server, label_keys: Sequence[str] = ()) -> Fields:
    """The mapping of an index of ECS documents."""
    free = free_object_field(server)
    person = {"email": keyword_field(), "full_name": text_field(), "id": keyword_field(), "name": keyword_field()}
    autonomous = object_field(number=long_field(), organization=object_field(name=keyword_field()))
    geography = object_field(
        city_name=keyword_field(), country_name=keyword_field(), location=geo_point_field(), region_name=keyword_field()
    )
    side = object_field(**{"as": autonomous}, domain=keyword_field(), geo=geography, ip=ip_field(), user=object_field(**person))
    target = object_field(**person, group=object_field(id=keyword_field(), name=keyword_field()))
    tactic = object_field(id=keyword_field(), name=keyword_field())
    technique = object_field(id=keyword_field(), subtechnique=object_field(id=keyword_field()))
    return {
        "dynamic": False,
        "properties": {
            # No ignore_malformed: data streams need it, and it is this pipeline that writes it.
            "@timestamp": {"type": "date"},
            "_okta_mapping_error": keyword_field(),
            "client": side,
            "data_stream": object_field(dataset=keyword_field(), namespace=keyword_field(), type=keyword_field()),
            "ecs": object_field(version=keyword_field()),
            "event": object_field(
                action=keyword_field(), category=keyword_field(), dataset=keyword_field(), end=date_field(), id=keyword_field(),
                kind=keyword_field(), module=keyword_field(), outcome=keyword_field(), severity=long_field(), start=date_field(),
                type=keyword_field(),
            ),
            "message": {"type": "text"},
            "okta": _okta(free, label_keys),
            "related": object_field(ip=ip_field(), user=keyword_field()),
            "rule": object_field(author=keyword_field(), category=keyword_field(), id=keyword_field(), name=keyword_field(),
                                 version=keyword_field()),
            "source": side,
            "tags": keyword_field(),
            "threat": object_field(framework=keyword_field(), tactic=tactic, technique=technique),
            "user": object_field(**person, target=target),
            "user_agent": object_field(
                device=object_field(name=keyword_field()), name=keyword_field(), original=keyword_field(), version=keyword_field(),
                os=object_field(full=keyword_field(), name=keyword_field(), version=keyword_field()),
            ),
        },
    }  # fmt: skip


def _okta(free: Fields, label_keys: Sequence[str]) -> Fields:
    party = {"alternate_id": keyword_field(), "display_name": keyword_field(), "id": keyword_field(), "type": keyword_field()}
    promoted = (
        "client_secret", "device_fingerprint", "dt_hash", "factor", "grant_type", "granted_scopes", "request_id", "request_uri",
        "requested_scopes", "risk_behaviors", "risk_level", "risk_reasons", "threat_suspected", "url",
    )  # fmt: skip
    device = (
        "disk_encryption_type", "id", "jailbreak", "managed", "name", "os_platform", "os_version", "registered", "screen_lock_type",
        "secure_hardware_present",
    )  # fmt: skip
    autonomous = object_field(number=long_field(), organization=object_field(name=keyword_field()))
    labels = object_of_paths({name: keyword_field() for name in label_names(label_keys)})
    return object_field(
        actor=object_field(**party),
        authentication_context=object_field(
            authentication_provider=keyword_field(),
            authentication_step=long_field(),
            credential_provider=keyword_field(),
            credential_type=keyword_field(),
            external_session_id=keyword_field(),
            interface=keyword_field(),
            issuer=object_field(id=keyword_field(), type=keyword_field()),
            root_session_id=keyword_field(),
        ),
        client=object_field(
            device=keyword_field(),
            id=keyword_field(),
            ip=ip_field(),
            user_agent=object_field(browser=keyword_field(), os=keyword_field(), raw_user_agent=keyword_field()),
            zone=keyword_field(),
        ),
        debug_context=object_field(debug_data=object_field(**dict.fromkeys(promoted, keyword_field()), flattened=free)),
        detection=object_field(
            count=long_field(), event_uuid=keyword_field(), events=keyword_field(), group=free, level=keyword_field(), rule=keyword_field(),
            tags=keyword_field(),
        ),
        device=object_field(**dict.fromkeys(device, keyword_field()), device_integrator=free),
        display_message=text_field(),
        event_type=keyword_field(),
        outcome=object_field(reason=keyword_field(), result=keyword_field()),
        pipeline=object_field(
            action=keyword_field(), category=keyword_field(), ingested_at=date_field(), labels=labels, org=keyword_field(),
            source=keyword_field(), tenant=keyword_field(),
        ),
        request=object_field(ip_chain=free),
        security_context=object_field(
            **{"as": autonomous},
            bot_protection=free,
            domain=keyword_field(),
            ip_details=free,
            is_proxy=keyword_field(),
            isp=keyword_field(),
            risk=free,
            user_behaviors=free,
        ),
        severity=keyword_field(),
        target=object_field(**party, changeDetails=free, detailEntry=free),
        transaction=object_field(
            detail=object_field(
                request_api_token_client_id=keyword_field(), request_api_token_id=keyword_field(), root_api_token_id=keyword_field()
            ),
            id=keyword_field(),
            type=keyword_field(),
        ),
        uuid=keyword_field(),
        version=keyword_field(),
    )  # fmt: skip
