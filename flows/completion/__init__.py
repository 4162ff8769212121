"""`bytewax-okta completion`: a shell's completion of all commands and their options, made from their parsers."""
