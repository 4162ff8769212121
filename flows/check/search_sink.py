"""A search sink, step by step: the way, the credentials, what the role may do, and what will become of the first event. Changes nothing."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from flows.check.asking import Asker, Said, member
from flows.check.index import judge_disks, judge_lifecycle, judge_target, read_places
from flows.check.pipelines import judge_pipelines, pipelines_of
from flows.check.templates import judge_template, read_templates
from flows.check.way import way_to
from okta_source.check.report import Verdict, failed, not_applicable, ok
from okta_source.polling.printable import printable
from sinks.config import ElasticsearchSinkConfig
from sinks.config.targets import make_cluster
from sinks.documents import Documents
from sinks.elasticsearch.server import Server, read_server
from sinks.elasticsearch.server_error import ANSWER_FIX, privileges_fix
from sinks.elasticsearch.template import index_pattern
from sinks.errors import SecretUnavailable

__all__ = ["check_search_sink"]

_CLUSTER: Final = ("monitor", "manage_index_templates")
_INDEX: Final = ("create_doc", "auto_configure")
_MANAGE_FIX: Final = (
    "Grant its role the cluster privileges monitor and manage_index_templates (OpenSearch: cluster_monitor and "
    "cluster_manage_index_templates), or install the template yourself and set manage_template = false."
)
_TEMPLATES_PATH: Final = (
    "/_index_template?filter_path=index_templates.name,index_templates.index_template.index_patterns,index_templates.index_template.priority,"
    "index_templates.index_template.version,index_templates.index_template._meta"
)
_SEEN: Final = "?expand_wildcards=all"

_Found = Iterator[tuple[str, Verdict]]


def check_search_sink(name: str, config: ElasticsearchSinkConfig, documents: Documents, now: datetime) -> _Found:
    """Go through the steps; nothing follows a failure on the way or of the credentials.

    Args:
        name: The sink's name.
        config: Its table.
        documents: The marked event in the sink's format, which tells of which index and pipelines are asked; it is not sent to an index.
        now: The present, UTC.
    """
    found = way_to(config.hosts, config, "the sink's hosts")
    yield from found.items()
    if any(verdict.status == "failed" for verdict in found.values()):
        return
    try:
        with closing(make_cluster(config)) as cluster:
            yield from _Search(name, config, Asker(cluster, config.request_timeout_seconds), documents, now).steps()
    except (SecretUnavailable, OSError) as error:
        yield "secret", failed(f"{error}", "Look at what the sink's credentials and TLS files refer to.")


class _Search:
    def __init__(self, name: str, config: ElasticsearchSinkConfig, asker: Asker, documents: Documents, now: datetime) -> None:
        self._name = name
        self._config = config
        self._asker = asker
        self._documents = documents
        day = now.strftime("%Y-%m-%d")
        self._pattern = index_pattern(config.target)
        self._today = config.target.replace("{date}", day).replace("{tenant}", "*")
        self._index = config.target.replace("{date}", day).replace("{tenant}", documents.tenant)

    def steps(self) -> _Found:
        about = self._asker.ask("GET", "/", permission_fix=_MANAGE_FIX)
        server = read_server(about.body) if about.status == 200 else None
        yield "authentication", self._authentication(about, server)
        if about.status not in (200, 403) or (about.status == 200 and server is None):
            return
        verdict = self._authorization(about, server)
        yield "authorization", verdict
        yield from self._index_steps(server)

    def _authentication(self, about: Said, server: Server | None) -> Verdict:
        if about.status == 403 and about.error is not None:
            return ok("the server knows these credentials")
        if about.status != 200:
            return failed(about.reason, about.fix or ANSWER_FIX)
        if server is None:
            return failed("what answers is neither Elasticsearch nor OpenSearch", ANSWER_FIX)
        who = "takes these credentials" if self._config.has_credentials else "answers without credentials"
        return ok(f"{server} {who}")

    def _authorization(self, about: Said, server: Server | None) -> Verdict:
        """Ask Elasticsearch what the role may do; OpenSearch has no such question, and is told by what it refuses."""
        if about.status == 403:
            if self._config.manage_template:
                return failed(f"missing the cluster privilege monitor: {about.reason}", about.fix)
        elif server is not None and server.distribution == "opensearch":
            return self._by_refusal()
        cluster = list(_CLUSTER) if self._config.manage_template else []
        body = {"cluster": cluster, "index": [{"names": [self._pattern], "privileges": list(_INDEX)}]}
        said = self._asker.ask("POST", "/_security/user/_has_privileges", body)
        if said.status != 200 or not isinstance(member(said.value, "has_all_requested"), bool):
            return self._by_refusal()
        missing = [privilege for privilege in cluster if member(said.value, "cluster", privilege) is not True]
        if missing:
            return failed(f"missing the cluster privilege{'s' * (len(missing) > 1)} {' and '.join(missing)}", _MANAGE_FIX)
        lacking = [privilege for privilege in _INDEX if member(said.value, "index", self._pattern, privilege) is not True]
        if lacking:
            detail = f"missing the index privilege{'s' * (len(lacking) > 1)} {' and '.join(lacking)} on {self._pattern}"
            return failed(detail, privileges_fix(self._pattern))
        return ok(f"{' and '.join((*cluster, *_INDEX))} are granted, the last two on {self._pattern}")

    def _by_refusal(self) -> Verdict:
        if not self._config.manage_template:
            return not_applicable("this server can't be asked what a role may do; --send shows it")
        said = self._asker.ask("GET", _TEMPLATES_PATH, permission_fix=_MANAGE_FIX)
        if said.status == 403:
            return failed(f"may not see index templates: {said.reason}", said.fix)
        return not_applicable("templates may be seen; of the rest, this server can't be asked what a role may do: --send shows it")

    def _index_steps(self, server: Server | None) -> _Found:
        quoted = quote(self._pattern, safe="*")
        resolved = self._asker.ask("GET", f"/_resolve/index/{quoted}{_SEEN}")
        # A name without a wildcard that is nowhere is a 404, and no fault.
        if resolved.status not in (200, 404):
            reason = f"these credentials may not look at {self._pattern} (view_index_metadata): {resolved.reason}"
            for step in ("target", "pipelines", "lifecycle"):
                yield step, not_applicable(reason)
            yield "template", self._template()
            yield "disk", self._disks()
            return
        places = read_places(resolved.value, self._today)
        said = self._asker.ask(
            "GET", f"/{quoted}/_settings?flat_settings=true&ignore_unavailable=true&allow_no_indices=true&expand_wildcards=all"
        )
        settings: Mapping[str, Any] = said.value if isinstance(said.value, dict) else {}
        yield "target", judge_target(places, settings, self._config.target)
        yield "template", self._template()
        simulated = None if places.written else self._asker.ask("POST", f"/_index_template/_simulate_index/{quote(self._index)}").value
        pipelines = pipelines_of(settings, places.written, simulated, alone=self._config.format == "ecs")
        source = json.loads(self._documents.document(0))
        yield "pipelines", judge_pipelines(self._asker, pipelines, self._index, self._documents.heads[0].uuid, source)
        explained = None
        if places.written:
            is_opensearch = server is not None and server.distribution == "opensearch"
            path = f"/_plugins/_ism/explain/{quoted}" if is_opensearch else f"/{quoted}/_ilm/explain?only_managed=true"
            explained = self._asker.ask("GET", path).value
        yield "lifecycle", judge_lifecycle(places, settings, explained)
        yield "disk", self._disks()

    def _template(self) -> Verdict:
        said = self._asker.ask("GET", _TEMPLATES_PATH, permission_fix=_MANAGE_FIX)
        if said.status != 200:
            if self._config.manage_template:
                return failed(said.reason, said.fix)
            return not_applicable(f"these credentials may not see index templates: {printable(said.reason)}")
        templates = read_templates(said.value)
        return judge_template(
            templates, self._name, self._config.target, self._index, self._config.format, managed=self._config.manage_template
        )

    def _disks(self) -> Verdict:
        nodes = self._asker.ask("GET", "/_cat/allocation?format=json&h=node,disk.percent").value
        settings = None
        if nodes is not None:
            path = "/_cluster/settings?include_defaults=true&flat_settings=true&filter_path=*.cluster.routing.allocation.disk.watermark.*"
            settings = self._asker.ask("GET", path).value
        return judge_disks(nodes, settings)
