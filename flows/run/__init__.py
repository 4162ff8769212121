"""`bytewax-okta run`: the main flow in one process, with a state directory that takes care of itself."""
