"""What every command prints through: streams that fail nobody."""

from okta_source.output.streams import nobody_reads, output_failure, run_command, tolerate_any_output, write_utf8
from okta_source.output.usage import shape_help

__all__ = ["nobody_reads", "output_failure", "run_command", "shape_help", "tolerate_any_output", "write_utf8"]
