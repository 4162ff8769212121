"""A fuzzer that stays: what somebody else may send, bent at random but the same for a seed, with judges that know what has to become of it.

    python -m tests.fuzz [--kinds pages,answers] [--inputs 1000000] [--seed 7] [--processes 2]

| kind | an input | what must hold |
|---|---|---|
| `pages` | a body of `/api/v1/logs` | each element is an event, a dead letter or a counted duplicate; sinks send the bytes that came |
| `answers` | an HTTP answer from the wire | an answer or a failure with words; the credential goes nowhere else; waits are finite |
| `tokens` | the same of a token endpoint | a token that a request can carry, or a failure that shows none |
| `hooks` | a piece of a spool of deliveries | as for pages |
| `archives` | a file that a sink, or somebody else, left | the audit and the search take the same lines for events, and tell the others |

Nothing but the documented errors may be raised, and time and memory of each input are bounded. What fails is printed and kept in
`tests/fuzz/kept/`, where a test repeats it for ever.
"""
