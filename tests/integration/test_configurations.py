"""Configurations from the specification: each is a check that works, or one error that says what to change.

`make configurations N=10000` tries more of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from time import process_time
from typing import Any

import pytest
from common import START
from configurations import BASE, PLANTED, files, sections
from hypothesis import HealthCheck, Phase, given, settings

from datadog_checks.amazon_ses import AmazonSesCheck
from datadog_checks.amazon_ses.config_models import InstanceConfig
from datadog_checks.base import ConfigurationError
from datadog_checks.base.stubs import aggregator, datadog_agent
from simulator import Clock, Simulator
from standalone import conf

IN_SUITE = 500
NUMBER = int(os.environ.get('CONFIGURATIONS', IN_SUITE))
"""How many configurations are tried."""

TRIALS = settings(
    max_examples=NUMBER,
    deadline=None,
    derandomize=NUMBER <= IN_SUITE,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)

MOST_SECONDS = 2.0
"""Seconds of processor time in which a configuration is judged, measured on demand only. Usual is 0.01."""

NAMED = re.compile(r'(Options? `[^`]+`|The option name |\d+ options )')
FORM = re.compile(r'Accepted: \S|is of use only together with `|are both given: |is needed|Remove one of the two')
LONGEST_BEFORE_FORM = 320
"""Characters of a message before the accepted form: the option, where in it, and a value of at most 100 characters."""

KEYS = {name: value for name, value in BASE.items() if name.startswith('aws_')}
NETWORK = {'endpoint_url', 'proxy', 'role_arn', 'tls_ca_cert', 'use_fips', 'use_dualstack', 'aws_profile', 'regions'}


def judge(instance: dict[Any, Any], init_config: dict[Any, Any]) -> tuple[AmazonSesCheck | None, str]:
    """The check, ready to run, or the message of its error."""
    try:
        check = AmazonSesCheck('amazon_ses', init_config, [instance])
        check.run_check_initializations()
        check._begin()
    except ConfigurationError as error:
        return None, str(error)
    return check, ''


def assert_says_what_to_change(message: str) -> None:
    assert NAMED.match(message), message
    assert FORM.search(message), message
    assert len(FORM.split(message, maxsplit=1)[0]) <= LONGEST_BEFORE_FORM, message
    assert message.isprintable(), message


def assert_soon(begin: float) -> None:
    """The suite makes no assertion about time, because a busy machine would fail it."""
    assert NUMBER <= IN_SUITE or process_time() - begin < MOST_SECONDS


def assert_private(*texts: str) -> None:
    for text in texts:
        assert not [planted for planted in PLANTED if planted in text], text[:500]


@pytest.fixture(scope='module')
def aws() -> Iterator[Simulator]:
    with Simulator('idle', clock=Clock(START)) as simulator:
        yield simulator


@TRIALS
@given(sections=sections())
def test_each_configuration_works_or_says_what_to_change(
    aws: Simulator, sections: tuple[dict[Any, Any], dict[Any, Any]]
) -> None:
    """Any configuration is a check that works, or an error that names option, value and accepted form: soon, on one
    line, and without secrets and addresses."""
    instance, init_config = sections
    begin = process_time()
    check, message = judge(instance, init_config)
    assert_soon(begin)
    if check is None:
        assert_says_what_to_change(message)
        assert_private(message)
        return
    warnings = check.get_warnings()
    assert_private(*warnings)
    assert len(warnings) <= 40 and all(len(warning) <= 600 for warning in warnings)
    if not NETWORK & instance.keys() and not init_config and {**instance, **KEYS} == instance:
        run_once({**instance, 'endpoint_url': aws.endpoint_url}, aws)


HUGE = 16**5000
"""A number that Python refuses to write: YAML reads it from 5,000 hexadecimal digits."""


@pytest.mark.parametrize('value', [HUGE, -HUGE, [HUGE], {HUGE: HUGE}, {'include': HUGE}, [{HUGE: 1}]], ids=type)
def test_a_number_of_thousands_of_digits_is_refused_or_has_no_effect(value: object) -> None:
    """Wherever such a number stands, as a value or as a key, the check works or says what to change."""
    for name in (*InstanceConfig.model_fields, 'no_option'):
        for instance, init_config in (({**BASE, name: value}, {}), (dict(BASE), {name: value})):
            _, message = judge(instance, init_config)
            if message:
                assert_says_what_to_change(message)


def run_once(instance: dict[Any, Any], aws: Simulator) -> None:
    """Run a check, which must read AWS."""
    aggregator.reset()
    datadog_agent.reset()
    aws.log.clear()
    aws.clock.advance(900)
    check = AmazonSesCheck('amazon_ses', {}, [instance])
    check.clock = aws.clock
    check.clock_is_turned = True
    try:
        report = check.run()
        assert report == '', report[:1000]
    finally:
        check.cancel()


@settings(TRIALS, max_examples=NUMBER // 5)
@given(text=files())
def test_each_file_is_read_or_refused_with_its_place(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Any file is read as it stands, or refused in one line that says what is wrong and where, and quotes nothing."""
    path = tmp_path_factory.getbasetemp() / 'conf.yaml'
    path.write_text(text, encoding='utf-8')
    begin = process_time()
    try:
        configuration = conf.read(path)
    except conf.InvalidFile as error:
        assert str(error).startswith(str(path)) and str(error).isprintable()
        assert_private(str(error))
    else:
        for instance in configuration.instances:
            check, message = judge(instance, configuration.init_config)
            if check is None:
                assert_says_what_to_change(message)
    assert_soon(begin)
