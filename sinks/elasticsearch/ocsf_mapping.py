"""How OCSF documents are indexed: what analysts search by; everything else stays in `_source`. Pure data."""

from sinks.elasticsearch.mapping import Fields, free_object_field, ip_field, keyword_field, long_field, object_field, text_field
from sinks.elasticsearch.server import Server

__all__ = ["ocsf_mapping"]


def ocsf_mapping(server: Server) -> Fields:
    """The mapping of an index of OCSF documents."""
    user = object_field(
        domain=keyword_field(),
        email_addr=keyword_field(),
        name=keyword_field(),
        type=keyword_field(),
        type_id=long_field(),
        uid=keyword_field(),
    )
    session = object_field(issuer=keyword_field(), uid=keyword_field(), uid_alt=keyword_field())
    system = object_field(name=keyword_field(), type=keyword_field(), type_id=long_field(), version=keyword_field())
    named = {"name": keyword_field(), "type": keyword_field(), "uid": keyword_field()}
    endpoint = object_field(
        autonomous_system=object_field(name=keyword_field(), number=long_field()),
        domain=keyword_field(),
        intermediate_ips=ip_field(),
        ip=ip_field(),
        location=object_field(
            city=keyword_field(), country=keyword_field(), isp=keyword_field(), postal_code=keyword_field(), region=keyword_field()
        ),
        os=system,
        svc_name=keyword_field(),
        type=keyword_field(),
        uid=keyword_field(),
    )
    actor = object_field(session=session, user=user)
    captions = ("activity_name", "auth_protocol", "category_name", "class_name", "logon_type", "risk_level", "severity", "status",
                "status_code", "status_detail", "type_name")  # fmt: skip
    numbers = ("activity_id", "auth_protocol_id", "category_uid", "class_uid", "count", "logon_type_id", "risk_level_id", "severity_id",
               "status_id", "type_uid")  # fmt: skip
    return {
        "dynamic": False,
        "properties": {
            # No ignore_malformed: data streams need it, and it is this pipeline that writes it.
            "@timestamp": {"type": "date"},
            "_okta_mapping_error": keyword_field(),
            **dict.fromkeys(captions, keyword_field()),
            **dict.fromkeys(numbers, long_field()),
            "actor": actor,
            "api": object_field(operation=keyword_field(), request=object_field(uid=keyword_field())),
            "device": object_field(is_managed=keyword_field(), name=keyword_field(), os=system, uid=keyword_field()),
            "dst_endpoint": object_field(svc_name=keyword_field()),
            "entity": object_field(**named, type_id=long_field()),
            "evidences": object_field(actor=actor, src_endpoint=endpoint),
            "finding_info": object_field(
                analytic=object_field(name=keyword_field(), uid=keyword_field()), title=keyword_field(), types=keyword_field(),
                uid=keyword_field(),
            ),
            "group": object_field(**named),
            "http_request": object_field(
                uid=keyword_field(), url=object_field(path=keyword_field()), user_agent=keyword_field()
            ),
            "is_mfa": keyword_field(),
            "message": text_field(),
            "metadata": object_field(
                event_code=keyword_field(), product=object_field(version=keyword_field()), tenant_uid=keyword_field(), uid=keyword_field(),
                version=keyword_field(),
            ),
            "observables": object_field(name=keyword_field(), type=keyword_field(), type_id=long_field(), value=keyword_field()),
            "privileges": keyword_field(),
            "resources": object_field(**named),
            "service": object_field(**named),
            "src_endpoint": endpoint,
            "time": {"type": "date", "format": "epoch_millis", "ignore_malformed": True},
            "unmapped": free_object_field(server),
            "user": user,
        },
    }  # fmt: skip
