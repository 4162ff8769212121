"""YAML into documents: plain Python, with the line where each begins; whatever is wrong with the text is told with its line."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from okta_source.detections.problems import Report

__all__ = ["Document", "read_documents"]

_MOST_BYTES: Final = 4 * 1024 * 1024


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

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's own
        self.flatten_mapping(node)
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, list | dict):
                continue  # PyYAML refuses it by itself
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands there twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


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
