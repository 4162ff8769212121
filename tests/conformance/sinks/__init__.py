"""The contract of a sink, as one battery of tests that every kind of sink passes, by way of what the flow itself uses.

`kinds` has each kind with the server that it writes to, `run` does to a sink what Bytewax does, `pages` makes events. Which kinds a case is
for stands at the case, with the reason where it is not for all of them.
"""
