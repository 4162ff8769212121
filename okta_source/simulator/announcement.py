"""What `simulate` hands out once it listens: addresses, credentials, a configuration, and what a client should find."""

import argparse
import sys
from pathlib import Path

from okta_source.simulator.handout import expectation_path, write_configuration, write_expectation, write_secret
from okta_source.simulator.organisation import Organisation
from okta_source.simulator.registrations import Registration
from okta_source.simulator.simulator import Simulator

__all__ = ["announce", "write_expectations"]


def _announce_apps(organisation: Organisation, ways: dict[str, Registration], configuration: Path | None) -> None:
    """Tell what somebody needs to be one of an organisation's apps."""
    for method, registration in ways.items():
        if registration.client is None:
            continue
        where: object = write_secret(configuration, organisation.name, registration) if configuration else registration.secret
        sys.stdout.write(f"{organisation.name}  {method}: client_id {registration.client.client_id}  {registration.secret_key} {where}\n")
        if method == "refresh_token":
            for person in organisation.oauth.state.administrators.values():
                sys.stdout.write(f"{organisation.name}  sign in as {person.username} with {person.password}\n")


def announce(
    simulator: Simulator, arguments: argparse.Namespace, registrations: dict[str, dict[str, Registration]], ca_file: Path | None
) -> None:
    """Hand everything out that a client needs, then say that the simulator is ready."""
    out = sys.stdout
    trust = f"--cacert {ca_file} " if ca_file else ""
    for organisation in simulator:
        if arguments.warm:
            organisation.warm()
        url = simulator.url(organisation.name)
        out.write(
            f"{organisation.name}  {url}  {len(organisation)} events  "
            f"curl {trust}-H 'Authorization: SSWS {organisation.token}' '{url}/api/v1/logs?limit=2'\n"
        )
        _announce_apps(organisation, registrations[organisation.name], arguments.write_config)
    if ca_file:
        out.write(f"certificate authority: {ca_file}\n")
    if arguments.write_config:
        write_configuration(
            arguments.write_config,
            [(name, simulator.url(name), ways[arguments.auth]) for name, ways in registrations.items()],
            sink_path=arguments.sink_path,
            poll_interval_seconds=arguments.poll_interval,
            look_back_seconds=arguments.span_seconds,
            ca_file=ca_file,
            hooks={organisation.name: organisation.hooks[0] for organisation in simulator if organisation.hooks},
            hook_mode=arguments.hook_mode,
        )
        out.write(f"configuration: {arguments.write_config}\n")
    if arguments.expect:
        write_expectations(simulator, arguments.expect)
    out.write("ready\n")
    out.flush()


def write_expectations(simulator: Simulator, pattern: str) -> None:
    """Write down what each organisation has by now, for whoever compares it with what arrived."""
    for organisation in simulator:
        write_expectation(expectation_path(pattern, organisation.name), organisation)
