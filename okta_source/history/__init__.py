"""Bounded reads of the System Log: a span of time, cut into slices, each a resumable partition."""

from okta_source.history.counts import HourCounts
from okta_source.history.ledger import Ledger, Totals
from okta_source.history.partition import Item, SliceDone
from okta_source.history.slices import Slice, cut, cut_by, slice_hours
from okta_source.history.source import HistoryOut, HistorySource, history_input

__all__ = [
    "HistoryOut",
    "HistorySource",
    "HourCounts",
    "Item",
    "Ledger",
    "Slice",
    "SliceDone",
    "Totals",
    "cut",
    "cut_by",
    "history_input",
    "slice_hours",
]
