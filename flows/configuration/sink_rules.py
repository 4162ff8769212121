"""What no table of a sink can know by itself: rules between sinks, between sinks and tenants, and what deserves a warning."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError

from okta_source.config.problems import Location, quoted, toml_path
from okta_source.config.secret import SecretError, SecretRef
from sinks.config import (
    NAME_ALLOWED,
    NAME_PATTERN,
    RESERVED_NAMES,
    ElasticsearchSinkConfig,
    FileSinkConfig,
    HttpSinkCommon,
    SinkConfig,
    WebhookSinkConfig,
    clashing_files,
)
from sinks.http.tls import client_context

__all__ = ["alert_warnings", "conflicts", "misplaced", "unusable_tls", "warnings"]

_MOST_NAMES_SHOWN: Final = 30
_OPTIONS: Final = {"event_original": "ecs", "raw_data": "ocsf"}


def conflicts(
    sinks: Mapping[str, Any], tenants: Sequence[str], retired: Sequence[str], tenant_count: int, context: Mapping[str, Any]
) -> Iterator[tuple[Location, str]]:
    """Find names that are not allowed or not there, and files that two sinks or tenants would share.

    This works on the file itself, so that it finds them also where something else is wrong.

    Args:
        sinks: The `[sinks.NAME]` tables as they were read.
        tenants: The tenants' names.
        retired: Those of former tenants.
        tenant_count: How many tenants there are, those without a usable name included.
        context: The validation's.

    Yields:
        The location in the document, and what is wrong there.
    """
    files: dict[str, FileSinkConfig] = {}
    for name, table in sinks.items():
        if name in RESERVED_NAMES:
            yield ("sinks", name), "this name is kept for the source's own dead letters; choose another one"
        elif not NAME_PATTERN.fullmatch(name):
            yield ("sinks", name), f"{quoted(name)} is not allowed as a sink's name; allowed: {NAME_ALLOWED}"
        yield from _unknown_tenants(name, table, tenants, retired)
        try:
            files[name] = FileSinkConfig.model_validate(table, context=context)
        except ValidationError:
            continue  # another type of sink, or reported with the whole document
        if tenant_count > 1 and "{tenant}" not in files[name].path:
            reason = f"needed: {{tenant}} somewhere in it, since {tenant_count} tenants cannot share a file"
            yield ("sinks", name, "path"), f"{quoted(table['path'])} has no {{tenant}}; {reason}"
    for one, other in clashing_files(files, tenants):
        reason = f"can be the same file as {toml_path(('sinks', one, 'path'))}; needed: a file of its own"
        yield ("sinks", other, "path"), f"{quoted(sinks[other]['path'])} {reason}"


def _unknown_tenants(sink: str, table: Any, tenants: Sequence[str], retired: Sequence[str]) -> Iterator[tuple[Location, str]]:
    given = table.get("tenants") if isinstance(table, dict) else None
    known = {*tenants, *retired}
    for index, name in enumerate(given if isinstance(given, list) else []):
        if isinstance(name, str) and name and name not in known:
            close = get_close_matches(name, known, n=1)
            guess = f"did you mean {close[0]}? " if close else ""
            yield ("sinks", sink, "tenants", index), f"{quoted(name)} is no tenant; {guess}there are: {_listed(dict.fromkeys(tenants))}"


def _listed(names: Iterable[str]) -> str:
    names = iter(names)
    shown = list(islice(names, _MOST_NAMES_SHOWN))
    more = sum(1 for _ in names)
    return ", ".join(shown) + (f" and {more} more" if more else "") or "none"


def misplaced(sinks: Mapping[str, SinkConfig]) -> Iterator[tuple[Location, str]]:
    """Find options of a format that a sink doesn't have.

    Args:
        sinks: The sinks with their formats, the pipeline's where they have none of their own.

    Yields:
        The location in the document, and what is wrong there.
    """
    for name, sink in sinks.items():
        for option, document_format in _OPTIONS.items():
            if option in sink.model_fields_set and sink.format != document_format:
                needed = f'format = "{document_format}" in this table or in [pipeline], or no such key'
                reason = f"given beside format {sink.format}; needed: {needed}"
                yield ("sinks", name, option), reason


def unusable_tls(sinks: Mapping[str, SinkConfig], environ: Mapping[str, str]) -> Iterator[tuple[Location, str]]:
    """Find certificates and keys that can be read but not used: a run must not find that out when it has begun.

    Yields:
        The location in the document, and what is wrong there.
    """
    for name, sink in sinks.items():
        if not isinstance(sink, HttpSinkCommon):
            continue
        reason = _refusal(sink, environ, with_certificate=False) if sink.ca_file else ""
        if reason:
            yield ("sinks", name, "ca_file"), f"OpenSSL refuses this file ({reason}); needed: a PEM file of certificate authorities"
            continue
        reason = _refusal(sink, environ, with_certificate=True) if sink.cert_file else ""
        if reason:
            needed = "needed: a PEM file, a key_file that belongs to it, and the key's password"
            yield ("sinks", name, "cert_file"), f"OpenSSL refuses this file or its key ({reason}); {needed}"


def _refusal(sink: HttpSinkCommon, environ: Mapping[str, str], *, with_certificate: bool) -> str:
    """Why a context can't be made; nothing when it can."""
    cert_file = sink.cert_file if with_certificate else None
    try:
        password = SecretRef(env=sink.key_password_env).resolve(environ).reveal() if sink.key_password_env else None
        client_context(sink.ca_file, cert_file, sink.key_file, password, verify=sink.verify, verify_hostname=sink.verify_hostname)
    except OSError as error:
        return getattr(error, "reason", None) or error.strerror or type(error).__name__
    except SecretError as error:
        return str(error)
    return ""


def warnings(sinks: Mapping[str, SinkConfig]) -> Iterator[tuple[Location, str]]:
    """Find what works but deserves a look.

    Yields:
        The location in the document, and what to do about it.
    """
    for name, sink in sinks.items():
        if not isinstance(sink, HttpSinkCommon):
            continue
        for place, file in _secret_files(sink):
            if SecretRef(file=file).is_open_to_others():
                yield ("sinks", name, *place), f"other users may read file {file}; run: chmod 600 {file}"
        for key, text in _trusting(sink):
            yield ("sinks", name, key), text
        if isinstance(sink, WebhookSinkConfig):
            for place in sink.bare_credentials():
                yield ("sinks", name, *place), "this looks like a credential; keep it out of this file, with headers_env or headers_file"
        if isinstance(sink, (ElasticsearchSinkConfig, WebhookSinkConfig)):
            for place in sink.plain_to_others():
                yield ("sinks", name, *place), "http:// shows the sink's credentials to anyone on the way; use https://"


def _trusting(sink: HttpSinkCommon) -> Iterator[tuple[str, str]]:
    """Whom a sink trusts without need."""
    if not sink.verify:
        yield "verify", "false lets anyone on the way read the events and what goes along with them; for tests only"
    elif not sink.verify_hostname and sink.ca_file is None:
        yield "verify_hostname", "false trusts whoever has a certificate of any name from any public authority; give the one in ca_file"


def alert_warnings(sinks: Mapping[str, SinkConfig], *, detects: bool) -> Iterator[tuple[Location, str]]:
    """Find alerts that go nowhere, and sinks that wait for alerts which nobody gives.

    Args:
        sinks: The sinks.
        detects: Whether there is a table [detections].

    Yields:
        The location in the document, and what to do about it.
    """
    takers = [name for name, sink in sinks.items() if "alerts" in sink.kinds]
    if detects and not takers:
        yield ("detections",), 'no sink takes alerts; add kinds = ["alerts"] to one'
    if not detects:
        for name in takers:
            yield ("sinks", name, "kinds"), "there are no alerts without a table [detections]"


def _secret_files(sink: HttpSinkCommon) -> Iterator[tuple[Location, Any]]:
    for key, value in sink:
        if key == "headers_file":
            yield from (((key, header), file) for header, file in value.items())
        elif key.endswith("_file") and key not in ("ca_file", "cert_file") and value is not None:
            yield (key,), value
