"""HTTP as the Okta side needs it: byte-exact targets, TLS and proxies, bounded connections, failures in words."""
