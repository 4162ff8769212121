"""Where events come from: the Okta System Log of each organisation as a resumable Bytewax input.

Public names are importable from their modules; the flow uses `okta_source.source.okta_input`.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
