"""The completion of three shells as text. A value of an option is completed as a file, by the shell itself."""

from collections.abc import Sequence

from flows.completion.words import CommandWords, Word

__all__ = ["bash", "fish", "zsh"]


def bash(program: str, commands: Sequence[CommandWords]) -> str:
    """For bash, to be read by `source <(…)`."""
    function = f"_{_identifier(program)}"
    cases = "\n".join(
        f'    {command.name}) options="{_texts(command.options)}"; words="{_texts(command.words)}"; '
        f'valued=" {_texts([word for word in command.options if word.takes_value])} " ;;'
        for command in commands
    )
    return f"""\
# bash completion of {program}; made by: {program} completion bash
{function}() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" options="" words="" valued=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{_texts(commands)}" -- "$current"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{cases}
  esac
  case "$valued" in *" $previous "*) COMPREPLY=($(compgen -f -- "$current")); return ;; esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) if [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi ;;
  esac
}}
complete -o filenames -F {function} {program}
"""


def zsh(program: str, commands: Sequence[CommandWords]) -> str:
    """For zsh, to be read by `source <(…)` after `compinit`, or as a file `_PROGRAM` in `$fpath`."""
    function = f"_{_identifier(program)}"
    cases = "\n".join(
        f"    {command.name}) options=({_described(command.options)}); words_here=({_described(command.words)});"
        f" valued=({_texts([word for word in command.options if word.takes_value])}) ;;"
        for command in commands
    )
    listed = " ".join(f"'{command.name}:{command.help}'" for command in commands)
    return f"""\
#compdef {program}
# zsh completion of {program}; made by: {program} completion zsh
{function}() {{
  local -a commands options words_here valued
  commands=({listed})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "$words[2]" in
{cases}
  esac
  if (( $valued[(Ie)$words[CURRENT-1]] )); then
    _files
  elif [[ "$words[CURRENT]" == -* ]]; then
    _describe option options
  elif (( $#words_here )); then
    _describe word words_here
  else
    _files
  fi
}}
compdef {function} {program}
"""


def fish(program: str, commands: Sequence[CommandWords]) -> str:
    """For fish, to be read by `source`, or as a file in `completions/`."""
    lines = [
        f"# fish completion of {program}; made by: {program} completion fish",
        *(f"complete -c {program} -n __fish_use_subcommand -f -a {command.name} -d '{command.help}'" for command in commands),
    ]
    for command in commands:
        seen = f"complete -c {program} -n '__fish_seen_subcommand_from {command.name}'"
        lines += [f"{seen} -f -a {word.text} -d '{word.help}'" for word in command.words]
        for word in command.options:
            flag = f"-l {word.text[2:]}" if word.text.startswith("--") else f"-s {word.text[1:]}"
            lines.append(f"{seen} {flag} {'-r ' if word.takes_value else ''}-d '{word.help}'")
    return "\n".join(lines) + "\n"


def _texts(words: Sequence[Word | CommandWords]) -> str:
    return " ".join(word.name if isinstance(word, CommandWords) else word.text for word in words)


def _described(words: Sequence[Word]) -> str:
    return " ".join(f"'{word.text}:{word.help}'" if word.help else f"'{word.text}'" for word in words)


def _identifier(program: str) -> str:
    return program.replace("-", "_")
