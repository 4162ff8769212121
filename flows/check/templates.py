"""Which index template will apply to a search sink's next index. Judges answers; pure."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from flows.check.asking import member
from okta_source.check.report import Verdict, failed, ok, warning
from okta_source.polling.printable import printable
from sinks.elasticsearch.neighbours import FLEET_TEMPLATE, Neighbour, belonging, covers, neighbour_of, owner_of
from sinks.elasticsearch.template import FIRST_PRIORITY, NAME_PREFIX, VERSION, index_pattern, template_name

__all__ = ["Template", "judge_template", "read_templates"]

_MANAGED: Final = "manage_template = false leaves the mapping to you"


@dataclass(frozen=True, slots=True)
class Template:
    """An index template on the server.

    Attributes:
        name: Its name.
        patterns: What it is for.
        priority: Which of two that match applies: the higher one.
        version: Its version; 0 for none.
        document_format: What `_meta.format` says; empty for one that isn't ours.
        managed_by: Whose package it belongs to; empty for people's own.
    """

    name: str
    patterns: Sequence[str]
    priority: int
    version: int
    document_format: str
    managed_by: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether a sink of this program has put it there."""
        return self.name.startswith(NAME_PREFIX)

    def matches(self, index: str) -> bool:
        """Whether it is for this index."""
        return any(fnmatch.fnmatchcase(index, pattern) for pattern in self.patterns)


def read_templates(answer: Any) -> list[Template]:
    """Read the answer to `GET /_index_template`; what is unlike a template is left out."""
    found = member(answer, "index_templates")
    templates = []
    for entry in found if isinstance(found, list) else []:
        name, body = member(entry, "name"), member(entry, "index_template")
        patterns = member(body, "index_patterns")
        if not isinstance(name, str) or not isinstance(patterns, list):
            continue
        document_format = member(body, "_meta", "format")
        known = neighbour_of(name, body)
        templates.append(
            Template(
                name,
                known.patterns,
                known.priority,
                _whole(member(body, "version")),
                document_format if isinstance(document_format, str) else "",
                known.managed_by,
            )
        )
    return templates


def judge_template(templates: Sequence[Template], sink: str, target: str, index: str, document_format: str, *, managed: bool) -> Verdict:
    """Say which one applies, once a run has put its own there.

    Args:
        templates: What is there.
        sink: The sink's name.
        target: Its target, with the placeholders.
        index: The index, or data stream, that the next event goes to.
        document_format: Of the documents.
        managed: Whether a run puts its own there.
    """
    matching = sorted((template for template in templates if template.matches(index)), key=lambda template: -template.priority)
    if not managed:
        return _unmanaged(matching, index)
    own = next((template for template in templates if template.name == template_name(sink)), None)
    return (
        _of_somebody(templates, own, target, document_format)
        or _in_the_way(matching, own, sink, document_format)
        or _own(own, sink, index, document_format)
    )


def _of_somebody(templates: Sequence[Template], own: Template | None, target: str, document_format: str) -> Verdict | None:
    """Whether the target is somebody else's, as a run judges it before it puts its own template there; None where it isn't."""
    pattern = index_pattern(target)
    if own is not None and any(covers(each, pattern) for each in own.patterns):
        return None
    foreign = [Neighbour(it.name, it.priority, it.patterns, it.managed_by) for it in templates if not it.is_ours]
    owner = owner_of(sorted(foreign, key=lambda other: -other.priority), pattern)
    if owner is None:
        return None
    if owner.name == FLEET_TEMPLATE and document_format == "ecs":
        return ok(f"{owner.name} of Elastic's own Okta integration, for documents of this form; they go past its ingest pipeline")
    reason, fix = belonging(owner, target)
    return failed(printable(reason), fix)


def _in_the_way(matching: Sequence[Template], own: Template | None, sink: str, document_format: str) -> Verdict | None:
    """What another one does to this sink's; None where there is none that does."""
    foreign = [template for template in matching if not template.is_ours]
    if own is None and (clash := next((template for template in foreign if template.priority == FIRST_PRIORITY), None)):
        detail = f"index template {_shown(clash)} has the priority {FIRST_PRIORITY} of this sink's own, which the server then refuses"
        return failed(detail, f"Change the priority of {printable(clash.name, 100)}, or the sink's target, or set manage_template = false.")
    priority = own.priority if own else FIRST_PRIORITY
    above = next((template for template in foreign if template.priority > priority), None)
    if above:
        detail = f"index template {_shown(above)} of priority {above.priority} stands before this sink's own ({priority})"
        fix = (
            f"Lower the priority of {printable(above.name, 100)}, or narrow its patterns, so that fields are mapped as the docs say; or "
            f"change the sink's target ({_MANAGED})."
        )
        return warning(f"{detail}: its mapping decides", fix)
    other = next((template for template in matching if template.is_ours and template.name != template_name(sink)), None)
    if own is None and other and other.document_format not in ("", document_format):
        fix = "Give sinks of different formats different targets."
        return warning(f"index template {_shown(other)} is another sink's, for documents in format {other.document_format}", fix)
    return None


def _own(own: Template | None, sink: str, index: str, document_format: str) -> Verdict:
    if own is None:
        return ok(f"{template_name(sink)} is not there yet: a run puts it there before the first event")
    if own.version > VERSION:
        return ok(f"{own.name}, version {own.version}: newer than this program's {VERSION}, and left as it is")
    if own.version < VERSION or own.document_format != document_format or not own.matches(index):
        return ok(f"{own.name}, version {own.version}: a run brings it to version {VERSION} for {index}")
    return ok(f"{own.name}, version {own.version}, priority {own.priority}")


def _unmanaged(matching: Sequence[Template], index: str) -> Verdict:
    if not matching:
        fix = f"Put a template for {index} there, or leave manage_template out, and a run puts its own there."
        return warning(f"no index template is for {index}: the first event decides the mapping of all others", fix)
    return ok(f"{_shown(matching[0])}, priority {matching[0].priority} ({_MANAGED})")


def _shown(template: Template) -> str:
    return f"{printable(template.name, 100)} ({printable(', '.join(template.patterns), 200)})"


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
