"""The instances of a configuration file, for the commands that run or examine them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from standalone.agent import AGENT
from standalone.command_line import Refused, say
from standalone.state import State

if TYPE_CHECKING:
    from standalone.conf import Configuration
    from standalone.host import Host

MOST_KEYS = 10
CONFIG_HELP = "the configuration, as in the Agent's conf.yaml"


def configuration_of(path: Path) -> Configuration:
    """Reads a configuration file, whose secrets are masked from now on. Raises Refused."""
    # Not at the top: `assets` needs no YAML.
    from standalone import conf

    try:
        configuration = conf.read(path)
    except conf.InvalidFile as error:
        raise Refused(str(error)) from None
    AGENT.redactor.learn([configuration.init_config, configuration.instances])
    if configuration.unread:
        keys = ', '.join(f'`{key}`' for key in configuration.unread[:MOST_KEYS])
        say(f'{configuration.path}: {keys} at the top level has no effect: options are indented below `instances`')
    return configuration


def hosts_of(configuration: Configuration, state: State, cleanup: ExitStack, receives_events: bool) -> list[Host]:
    """Returns a host for each instance, all of them initialized; `cleanup` closes them."""
    try:
        # Not at the top: the log level must be set before the check is imported.
        from standalone.host import ConfigurationError, Host
    except ImportError as error:
        raise Refused(f'cannot import the check: {error}') from error

    hosts = []
    for number, instance in enumerate(configuration.instances, 1):
        try:
            source = str(configuration.path.absolute())
            host = Host(instance, configuration.init_config, state, source=source, receives_events=receives_events)
            hosts.append(cleanup.enter_context(host))
            host.initialize()
        except ConfigurationError as error:
            raise Refused(f'{configuration.path}: instance {number}: {error}') from None
    return hosts
