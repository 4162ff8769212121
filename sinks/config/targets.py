"""From a sink's table to what delivers: policies, and targets with their credentials.

Credentials are read anew for each request, from the environment or from their file, so a rotated file needs no restart; nothing keeps them.
"""

import base64
import ssl
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from sinks.config import ElasticsearchSinkConfig, HttpSinkCommon, WebhookSinkConfig
from sinks.config.api_key import ApiKeyProblem, usable_api_key
from sinks.config.values import read_secret
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.target import Target
from sinks.elasticsearch import ElasticsearchTarget
from sinks.elasticsearch.cluster import Cluster
from sinks.elasticsearch.lookup import Lookup
from sinks.errors import SecretUnavailable
from sinks.http.client import HttpClient
from sinks.http.tls import client_context
from sinks.webhook import HecFields, WebhookProbe, WebhookTarget
from sinks.webhook.encoding import MESSAGES

__all__ = ["make_cluster", "make_lookup", "make_probe", "make_target", "policy_of", "tls_of", "url_of"]

USER_AGENT = f"bytewax-okta/{version('bytewax-okta')}"


def policy_of(config: ElasticsearchSinkConfig | WebhookSinkConfig) -> DeliveryPolicy:
    """How a sink delivers: a search index knows no order, a webhook's receiver may rely on it."""
    return DeliveryPolicy(
        batch_events=1 if isinstance(config, WebhookSinkConfig) and config.encoding in MESSAGES else config.batch_events,
        batch_bytes=config.batch_bytes,
        max_in_flight=config.max_in_flight,
        in_order=isinstance(config, WebhookSinkConfig),
        request_timeout_seconds=config.request_timeout_seconds,
        retry_for_seconds=config.retry_for_seconds,
        on_exhausted=config.on_exhausted,
    )


def make_target(
    name: str,
    config: ElasticsearchSinkConfig | WebhookSinkConfig,
    document_format: str | None = None,
    label_keys: Sequence[str] = (),
) -> Target:
    """A target of its own connections; touches no network.

    Args:
        name: The sink's name.
        config: Its table.
        document_format: Of what it is given; by default the sink's. A dead letter keeps the format that its sink had.
        label_keys: The labels that tenants are given, each of which becomes a field in a search index.

    Raises:
        SecretUnavailable: The client key's password, or a secret URL, can't be read.
        OSError: A TLS file can't be used any more.
    """
    # One connection more than requests in flight, for probes.
    http = HttpClient(connections=config.max_in_flight + 1, tls=tls_of(config), user_agent=USER_AGENT)
    if isinstance(config, ElasticsearchSinkConfig):
        return ElasticsearchTarget(
            name,
            config.hosts,
            config.target,
            http=http,
            authorization=_authorization(config),
            manage_template=config.manage_template,
            compression=config.compression,
            document_format=document_format or config.format,
            retention=config.retention,
            label_keys=label_keys,
        )
    hec = config.hec
    return WebhookTarget(
        url_of(config),
        config.encoding,
        http=http,
        headers=_headers(config),
        signing_secret=_reader(config.secret_env, config.secret_file) if config.has_secret else None,
        hec=HecFields(sourcetype=config.sourcetype, source=hec.source, index=hec.index, host=hec.host),
        routing_key=_reader(config.routing_key_env, config.routing_key_file) if config.encoding == "pagerduty" else None,
    )


def make_lookup(config: ElasticsearchSinkConfig) -> Lookup:
    """What tells which events a sink's target holds, over connections of its own; touches no network.

    Raises:
        SecretUnavailable: The client key's password can't be read.
        OSError: A TLS file can't be used any more.
    """
    return Lookup(make_cluster(config), config.target, config.format)


def make_cluster(config: ElasticsearchSinkConfig) -> Cluster:
    """A sink's servers, over connections of its own; touches no network.

    Raises:
        SecretUnavailable: The client key's password can't be read.
        OSError: A TLS file can't be used any more.
    """
    return Cluster(config.hosts, HttpClient(connections=1, tls=tls_of(config), user_agent=USER_AGENT), _authorization(config))


def make_probe(config: WebhookSinkConfig) -> WebhookProbe:
    """What asks a receiver without sending it anything, over connections of its own; touches no network.

    Raises:
        SecretUnavailable: The client key's password, or a secret URL, can't be read.
        OSError: A TLS file can't be used any more.
    """
    return WebhookProbe(
        url_of(config),
        http=HttpClient(connections=1, tls=tls_of(config), user_agent=USER_AGENT),
        headers=_headers(config),
        signing_secret=_reader(config.secret_env, config.secret_file) if config.has_secret else None,
    )


def url_of(config: WebhookSinkConfig) -> str:
    """Where a webhook sends, which may be a secret.

    Raises:
        SecretUnavailable: It can't be read.
    """
    return config.url or _reader(config.url_env, config.url_file)()


def tls_of(config: HttpSinkCommon) -> ssl.SSLContext:
    """How a sink's servers are verified.

    Raises:
        SecretUnavailable: The client key's password can't be read.
        OSError: A TLS file can't be used any more.
    """
    password = _reader(config.key_password_env, None)() if config.key_password_env else None
    return client_context(
        config.ca_file, config.cert_file, config.key_file, password, verify=config.verify, verify_hostname=config.verify_hostname
    )


def _reader(env: str, file: Path | None) -> Callable[[], str]:
    """Reads a secret at each call, from a variable or a file; what it leads to is in nobody's `repr`."""

    def read() -> str:
        try:
            return read_secret(file or env)
        except LookupError as error:
            raise SecretUnavailable(str(error)) from None

    return read


def _authorization(config: ElasticsearchSinkConfig) -> Callable[[], Mapping[str, str]]:
    if config.username:
        username = config.username
        password = _reader(config.password_env, config.password_file)

        def basic() -> Mapping[str, str]:
            # UTF-8, which Elasticsearch and OpenSearch take it for (RFC 7617 leaves it open).
            return {"Authorization": f"Basic {base64.b64encode(f'{username}:{password()}'.encode()).decode()}"}

        return basic
    if config.api_key_env or config.api_key_file:
        key = _reader(config.api_key_env, config.api_key_file)
        where = f"file {config.api_key_file}" if config.api_key_file else f"environment variable {config.api_key_env}"

        def api_key() -> Mapping[str, str]:
            try:
                return {"Authorization": f"ApiKey {usable_api_key(key())}"}
            except ApiKeyProblem as error:
                message = f"{where} {error}"
                raise SecretUnavailable(message) from None

        return api_key
    return dict


def _headers(config: WebhookSinkConfig) -> Callable[[], Mapping[str, str]]:
    readers = {name: _reader(variable, None) for name, variable in config.headers_env.items()}
    readers |= {name: _reader("", path) for name, path in config.headers_file.items() if path}
    plain = dict(config.headers)
    return lambda: {**plain, **{name: read() for name, read in readers.items()}}
