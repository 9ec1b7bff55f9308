"""Promise P6: the SDK logs nothing about requests of this check, and everything about those of other checks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from common import ACCOUNT, KEY, REGION, SECRET, MakeDriver

from datadog_checks.amazon_ses.aws.sdk_logging import SDK_LOGGERS, RecordFactory, our_call
from simulator import Fault, Simulator

ROLE = f'arn:aws:iam::{ACCOUNT}:role/mail'
OTHER_KEY = 'AKIAOFANOTHERCHECK01'


@pytest.fixture(autouse=True)
def debug(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The loggers of the SDK log everything, as another check has set them."""
    for name in SDK_LOGGERS:
        caplog.set_level(logging.DEBUG, name)
    caplog.set_level(logging.DEBUG)
    yield


def ask_elsewhere(sim: Simulator) -> None:
    """What another check asks AWS, with the same SDK."""
    client = botocore.session.Session().create_client(
        'sts',
        REGION,
        endpoint_url=sim.endpoint_url,
        aws_access_key_id=OTHER_KEY,
        aws_secret_access_key='y',
        config=Config(retries={'total_max_attempts': 1}),
    )
    client.get_caller_identity()


def sdk_records(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name.partition('.')[0] in SDK_LOGGERS]


def test_lines_of_others_stay(make_driver: MakeDriver, sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    """Another check that logs at DEBUG has the same lines beside this check as without it."""
    # The simulator loads the models of the SDK, and logs that, when it is first asked.
    make_driver(role_arn=ROLE, ledger='first').run()
    ask_elsewhere(sim)
    caplog.clear()
    ask_elsewhere(sim)
    alone = [(record.name, record.levelno) for record in sdk_records(caplog)]
    assert len(alone) > 10
    caplog.clear()
    driver = make_driver(role_arn=ROLE)
    driver.run()
    assert sdk_records(caplog) == []
    done = threading.Event()

    def run_ours() -> None:
        driver.clock.advance(60)
        driver.run()
        done.set()

    thread = threading.Thread(target=run_ours)
    thread.start()
    ask_elsewhere(sim)
    thread.join()
    assert done.is_set()
    assert [(record.name, record.levelno) for record in sdk_records(caplog)] == alone


def test_nothing_of_our_requests_is_logged(
    make_driver: MakeDriver, sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """No key, token, user or address of our requests is in the log, also not where AWS refuses them."""
    sim.accounts.add(KEY, ACCOUNT, user='jane@mail.example')
    make_driver(role_arn=ROLE, ledger='first').run()
    caplog.clear()
    for fault in (None, 'denied', 'expired_token', 'throttle', 'html', 'reset'):
        sim.faults.clear()
        if fault:
            sim.faults.add(Fault(fault))
        make_driver(role_arn=ROLE, ledger=str(fault)).run()
    assert sdk_records(caplog) == []
    text = caplog.text
    tokens = [request.access_key for request in sim.log if request.access_key]
    assert all(secret not in text for secret in (SECRET, 'jane', *tokens))


def test_loggers_that_are_made_later(caplog: pytest.LogCaptureFixture) -> None:
    """A logger of the SDK that is made during a request is silent about it, and speaks for others."""
    with our_call():
        later = logging.getLogger('botocore.made.later')
        later.error('planted %s', 'secret')
        logging.getLogger('somebody').warning('heard')
    later.warning('of another check')
    assert 'planted' not in caplog.text
    assert 'heard' in caplog.text and 'of another check' in caplog.text


def test_factories_of_others_stay(caplog: pytest.LogCaptureFixture) -> None:
    """A factory of log records that somebody else has set goes on, and ours holds beside it."""
    ours = logging.getLogRecordFactory()

    def marked(*arguments: Any, **options: Any) -> logging.LogRecord:
        record = ours(*arguments, **options)
        record.marked = True
        return record

    logging.setLogRecordFactory(marked)
    try:
        with our_call():
            logging.getLogger('urllib3.made.later').error('planted')
        logging.getLogger('urllib3').warning('of another check')
        assert isinstance(logging.getLogRecordFactory(), RecordFactory)
    finally:
        logging.setLogRecordFactory(ours)
    assert 'planted' not in caplog.text and caplog.records[-1].marked
