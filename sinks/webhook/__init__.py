"""The webhook sink's target: batches of events as signed HTTP requests, to any receiver or to Splunk's HTTP Event Collector."""

from sinks.webhook.encoding import Encoding, HecFields
from sinks.webhook.probe import HEC_HEALTH_PATH, WebhookProbe
from sinks.webhook.signature import check_secret
from sinks.webhook.target import WebhookTarget

__all__ = ["HEC_HEALTH_PATH", "Encoding", "HecFields", "WebhookProbe", "WebhookTarget", "check_secret"]
