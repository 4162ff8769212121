"""`bytewax-okta init`: adds an organisation to the configuration, as `okta_source init` does, and by `init sink` a place for events."""
