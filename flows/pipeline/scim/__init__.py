"""Okta's filter language: what is typed into Reports → System Log, compiled to a predicate over an event."""

from flows.pipeline.scim.parser import parse_filter
from flows.pipeline.scim.problem import FilterError

__all__ = ["FilterError", "parse_filter"]
