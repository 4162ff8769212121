"""What every command prints through: streams that fail nobody."""

from okta_source.output.streams import nobody_reads, output_failure, run_command, tolerate_any_output, write_utf8
from okta_source.output.usage import SCRIPT, as_typed, shape_help, speak_as_script

__all__ = [
    "SCRIPT",
    "as_typed",
    "nobody_reads",
    "output_failure",
    "run_command",
    "shape_help",
    "speak_as_script",
    "tolerate_any_output",
    "write_utf8",
]
