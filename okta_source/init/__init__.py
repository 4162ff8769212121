"""`python -m okta_source init`: asks for what a tenant needs, says where to find it, and adds the tenant to the configuration file."""
