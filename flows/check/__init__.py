"""`python -m flows.check`: the whole way, from each organisation's newest event to every place where events go.

The tenants' part is `okta_source.check`, unchanged. Of the sinks, `configuration` reads the tables, `file_sink`, `search_sink` and
`webhook_sink` go through the steps of a type, `way` goes as far as TLS, `folders` looks at disks, `index` and `templates` and `pipelines`
judge what a search server says, and `marked` and `sending` deliver one marked test event where that is asked for.
"""
