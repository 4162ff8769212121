"""The webhook sink's target: batches of events as signed HTTP requests, to any receiver or to Splunk's HTTP Event Collector."""

from sinks.webhook.encoding import Encoding, HecFields
from sinks.webhook.signature import check_secret
from sinks.webhook.target import WebhookTarget

__all__ = ["Encoding", "HecFields", "WebhookTarget", "check_secret"]
