"""From a sink's table to what delivers: policies, targets with their credentials, and the sinks themselves.

The main flow builds sinks, and `flows.replay` targets of the same kind. Credentials are read anew for each request, from the environment or
from their file, so a rotated file needs no restart; nothing keeps them.
"""

import base64
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bytewax.outputs import FixedPartitionedSink

from flows.runtime.lifecycle import stop_run
from okta_source import __version__
from okta_source.config.secret import SecretError, SecretRef
from okta_source.fetching.control import RunControl
from okta_source.metrics import count_error
from sinks.config import ElasticsearchSinkConfig, FileSinkConfig, HttpSinkCommon, SinkConfig, WebhookSinkConfig
from sinks.dead_letters.sink import DeadLetterFile
from sinks.delivery.policy import DeliveryPolicy
from sinks.delivery.target import Target
from sinks.elasticsearch import ElasticsearchTarget
from sinks.elasticsearch.cluster import Cluster
from sinks.elasticsearch.lookup import Lookup
from sinks.errors import SecretUnavailable
from sinks.file.sink import FileSink
from sinks.http.client import HttpClient
from sinks.http.tls import client_context
from sinks.metrics import tell_sink
from sinks.outbox.sink import KeyedSink
from sinks.webhook import HecFields, WebhookTarget

__all__ = ["build_sink", "make_lookup", "make_target", "policy_of"]

USER_AGENT = f"bytewax-okta/{__version__}"


def build_sink(
    name: str,
    config: SinkConfig,
    partition_names: Sequence[str],
    *,
    state_dir: Path | None,
    letters: DeadLetterFile,
    outbox_dir: Path,
    control: RunControl,
) -> FixedPartitionedSink[Any, Any]:
    """A sink for the main flow.

    Args:
        name: The sink's name.
        config: Its table.
        partition_names: The source's partitions, retired ones and those that the sink's filter leaves out included: partitions are assigned
            to workers by their position, and a tenant's events shall not leave theirs.
        state_dir: Bytewax's recovery directory, None when the run keeps no state.
        letters: Where events go that can't be delivered; one for all sinks of a process.
        outbox_dir: Where a sink that sends keeps what it has still to send.
        control: The run's switches.

    Returns:
        A sink that takes keyed items `(tenant, Documents)`.
    """
    tell_sink(name, config.type)
    if isinstance(config, FileSinkConfig):
        journal_dir = state_dir / "files" if state_dir else None
        return FileSink(name, config.path, partition_names, compression=config.compression, journal_dir=journal_dir)
    return KeyedSink(
        name,
        partition_names,
        make_target=lambda: make_target(name, config),
        policy=policy_of(config),
        letters=letters,
        outbox_dir=outbox_dir,
        document_format=config.format,
        wait_until=control.outbox_deadline,
        on_left=lambda left: control.left_behind(str(left)),
        on_failure=_count_failures,
        on_stopped=stop_run,
    )


def policy_of(config: ElasticsearchSinkConfig | WebhookSinkConfig) -> DeliveryPolicy:
    """How a sink delivers: a search index knows no order, a webhook's receiver may rely on it."""
    return DeliveryPolicy(
        batch_events=config.batch_events,
        batch_bytes=config.batch_bytes,
        max_in_flight=config.max_in_flight,
        in_order=isinstance(config, WebhookSinkConfig),
        request_timeout_seconds=config.request_timeout_seconds,
        retry_for_seconds=config.retry_for_seconds,
        on_exhausted=config.on_exhausted,
    )


def make_target(name: str, config: ElasticsearchSinkConfig | WebhookSinkConfig) -> Target:
    """A target of its own connections; touches no network.

    Raises:
        SecretUnavailable: The client key's password can't be read.
        OSError: A TLS file can't be used any more.
    """
    # One connection more than requests in flight, for probes.
    http = HttpClient(connections=config.max_in_flight + 1, tls=_tls(config), user_agent=USER_AGENT)
    if isinstance(config, ElasticsearchSinkConfig):
        return ElasticsearchTarget(
            name,
            config.hosts,
            config.target,
            http=http,
            authorization=_authorization(config),
            manage_template=config.manage_template,
            compression=config.compression,
        )
    hec = config.hec
    return WebhookTarget(
        config.url,
        config.encoding,
        http=http,
        headers=_headers(config),
        signing_secret=_reader(SecretRef(env=config.secret_env, file=config.secret_file)) if config.has_secret else None,
        hec=HecFields(sourcetype=hec.sourcetype, source=hec.source, index=hec.index, host=hec.host),
    )


def make_lookup(config: ElasticsearchSinkConfig) -> Lookup:
    """What tells which events a sink's target holds, over connections of its own; touches no network.

    Raises:
        SecretUnavailable: The client key's password can't be read.
        OSError: A TLS file can't be used any more.
    """
    http = HttpClient(connections=1, tls=_tls(config), user_agent=USER_AGENT)
    return Lookup(Cluster(config.hosts, http, _authorization(config)), config.target)


def _tls(config: HttpSinkCommon) -> ssl.SSLContext:
    password = _reader(SecretRef(env=config.key_password_env))() if config.key_password_env else None
    return client_context(
        config.ca_file, config.cert_file, config.key_file, password, verify=config.verify, verify_hostname=config.verify_hostname
    )


def _reader(reference: SecretRef) -> Callable[[], str]:
    """Reads a secret at each call; the reference can be printed, what it leads to is in nobody's `repr`."""

    def read() -> str:
        try:
            return reference.read().reveal()
        except SecretError as error:
            raise SecretUnavailable(str(error)) from None

    return read


def _authorization(config: ElasticsearchSinkConfig) -> Callable[[], Mapping[str, str]]:
    if config.username:
        username = config.username
        password = _reader(SecretRef(env=config.password_env, file=config.password_file))

        def basic() -> Mapping[str, str]:
            # UTF-8, which Elasticsearch and OpenSearch take it for (RFC 7617 leaves it open).
            return {"Authorization": f"Basic {base64.b64encode(f'{username}:{password()}'.encode()).decode()}"}

        return basic
    if config.api_key_env or config.api_key_file:
        key = _reader(SecretRef(env=config.api_key_env, file=config.api_key_file))
        return lambda: {"Authorization": f"ApiKey {key()}"}
    return dict


def _headers(config: WebhookSinkConfig) -> Callable[[], Mapping[str, str]]:
    readers = {name: _reader(SecretRef(env=variable)) for name, variable in config.headers_env.items()}
    readers |= {name: _reader(SecretRef(file=path)) for name, path in config.headers_file.items() if path}
    plain = dict(config.headers)
    return lambda: {**plain, **{name: read() for name, read in readers.items()}}


def _count_failures(tenants: Iterable[str], error_type: str) -> None:
    for tenant in tenants:
        count_error(tenant, error_type, "deliver")
