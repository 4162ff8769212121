"""`python -m okta_source authorize`: an administrator signs in once, and the tenant has a refresh token from then on."""
