"""YAML into documents: plain Python, with the line where each begins; whatever is wrong with the text is told with its line."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from okta_source.detections.problems import Report

__all__ = ["Document", "read_documents"]

_MOST_BYTES: Final = 4 * 1024 * 1024
_MERGE: Final = "tag:yaml.org,2002:merge"  # `<<`
_DEFAULT: Final = "tag:yaml.org,2002:value"  # `=`, which is a text unless it stands where YAML 1.1 has a use for it


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document of a file.

    Attributes:
        number: Which of the file's documents it is, from 1.
        value: What it holds.
    """

    number: int
    value: Any


class _Loader(yaml.CSafeLoader):
    """Safe, and strict where YAML is not: a key that stands there twice is an error, or half of a rule would be gone without a word."""

    def __init__(self, stream: bytes | str) -> None:
        super().__init__(stream)
        self._looked_at: dict[int, yaml.MappingNode] = {}  # with the nodes, so that no other one gets the number of one that is gone

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        # Before what `<<` brings along is put in front of the node's own keys: one of those may well take the place of one that it brings.
        if id(node) not in self._looked_at:
            self._looked_at[id(node)] = node
            self._refuse_repeated_keys(node)
        super().flatten_mapping(node)

    def _refuse_repeated_keys(self, node: yaml.MappingNode) -> None:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = key_node.value if key_node.tag == _DEFAULT else self.construct_object(key_node, deep=True)
            if isinstance(key, list | dict):
                continue  # PyYAML refuses it by itself
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands there twice", key_node.start_mark)
            seen.add(key)


def read_documents(text: bytes | str, report: Report) -> Iterator[Document]:
    """Read a file's documents; empty ones are left out.

    Args:
        text: The file's content.
        report: Takes what is wrong; what stands in front of it is still read.
    """
    if len(text) > _MOST_BYTES:
        report.error("", f"the file is larger than {_MOST_BYTES // 1024 // 1024} MiB; needed: Sigma rules in YAML")
        return
    number = 0
    try:
        for value in yaml.load_all(text, _Loader):
            number += 1
            if value is not None:
                yield Document(number, value)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}" if mark is not None else ""
        report.error(where, f"this is no YAML: {error.problem or error.context}")
    except (yaml.YAMLError, UnicodeError, ValueError, RecursionError) as error:
        report.error("", f"this is no YAML: {error}")
