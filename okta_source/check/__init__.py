"""`python -m okta_source check`: what stands between this machine and each organisation's log, step by step, with the fix.

Pure modules judge (`report`, `route`, `clock`, `budget`, `page`, `answer`, `network_words`, `tls_words`); `configuration` reads the file,
`network` and `recorder` touch sockets, `tenant` goes through the steps of one tenant, `command` and `table` talk to people and scripts.
"""
