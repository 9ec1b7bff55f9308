"""The library, in processes of its own: a test process has the base package's stubs."""

from __future__ import annotations

import textwrap


def succeeds(sandbox, program):
    result = sandbox.python('from standalone.host import Host\n' + textwrap.dedent(program))
    assert (result.returncode, result.stderr) == (0, '')


def test_a_run_has_everything(sandbox):
    """A run has its samples, statuses, events, warnings, error and duration; a failure is a value."""
    succeeds(
        sandbox,
        """
        import logging
        from standalone.agent import AGENT

        AGENT.set_log_level(logging.ERROR)
        with Host({'gauges': {'send': 2}, 'warn': 'careful', 'fail': 'broke', 'tags': ['a:b']}) as host:
            run = host.run()
        assert run.error == 'broke' and not run.misconfigured and run.warnings == ['careful']
        tags = ('aws_account:1', 'region:x', 'a:b')
        assert tuple(run.metrics[1]) == ('amazon_ses.send', 'gauge', 2.0, tags, 'a-host')
        assert run.service_checks[0].name == 'amazon_ses.can_connect' and run.events[0]['msg_title'] == 'a title'
        assert run.duration > 0
        """,
    )


def test_the_clock_is_the_hosts(sandbox):
    """The check reads the clock of the host, and its runs are dated by that clock."""
    succeeds(
        sandbox,
        """
        now = [1000.0]
        host = Host({}, clock=lambda: now[0])
        assert host.run().time == 1000
        now[0] = 2000.0
        run = host.run()
        assert run.time == 2000 and run.events[0]['timestamp'] == 2000
        """,
    )


def test_hosts_of_a_process_are_separate(sandbox):
    """Hosts of different and of equal instances have separate samples, and separate caches unless they share a file."""
    succeeds(
        sandbox,
        """
        from pathlib import Path
        from threading import Thread

        def values(host):
            return {sample.name: sample.value for sample in host.run().metrics}

        first, twin, other = Host({}), Host({}), Host({'gauges': {'g': 1}})
        assert values(first) == {'amazon_ses.runs_ever': 1} == values(twin)
        assert values(first) == {'amazon_ses.runs_ever': 2}
        assert values(other) == {'amazon_ses.runs_ever': 1, 'amazon_ses.g': 1}
        path = Path('state.json')
        third, fourth = Host({}, state=path), Host({'gauges': {'g': 1}}, state=path)
        assert values(third)['amazon_ses.runs_ever'] == 1
        assert values(fourth)['amazon_ses.runs_ever'] == 2
        third.close()
        assert values(fourth)['amazon_ses.runs_ever'] == 3
        fourth.close()
        with Host({}, state=path) as again:
            assert values(again)['amazon_ses.runs_ever'] == 4
        hosts = [Host({'sleep': 0.01}) for _ in range(8)]
        threads = [Thread(target=lambda h=h: [h.run() for _ in range(5)]) for h in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [values(host)['amazon_ses.runs_ever'] for host in hosts] == [6] * 8
        """,
    )


def test_a_failed_save_fails_the_run(sandbox):
    """A cache write that does not reach the disk raises in the check and changes nothing, so nothing counts twice."""
    succeeds(
        sandbox,
        """
        import standalone.state as state

        host = Host({}, state='state.json')
        replace = state._replace

        def full(path, content):
            raise OSError(28, 'No space left on device')

        state._replace = full
        run = host.run()
        assert 'state.json: No space left on device' in run.error and not run.metrics, run
        state._replace = replace
        assert host.run().metrics[0].value == 1
        """,
    )


def test_a_crash_loses_no_write(sandbox):
    """A write survives a kill right after it, and the next process can use the file."""
    killed = sandbox.python(
        'import os, signal\n'
        'from standalone.host import Host\n'
        "host = Host({}, state='state.json')\n"
        'host.run()\n'
        "write = host.check.write_persistent_cache\n"
        "write('runs', '7')\n"
        'os.kill(os.getpid(), signal.SIGKILL)\n'
    )
    assert killed.returncode == -9
    succeeds(sandbox, "assert Host({}, state='state.json').run().metrics[0].value == 8")


def test_refused_options_raise_before_the_first_run(sandbox):
    """Options that the check refuses raise ConfigurationError in the constructor or in `initialize`."""
    succeeds(
        sandbox,
        """
        from datadog_checks.base import ConfigurationError

        for refuse in ('constructor', 'initialization'):
            try:
                Host({'refuse': refuse}).initialize()
            except ConfigurationError as error:
                assert '`region`' in str(error)
            else:
                raise AssertionError(refuse)
        host = Host({'refuse': 'run'})
        host.initialize()
        assert host.run().misconfigured
        """,
    )


def test_import_order_is_guarded(sandbox):
    """After the base package has chosen its stubs, the import fails with the reason instead of losing samples."""
    result = sandbox.python(
        'import datadog_checks.base.checks\nimport datadog_checks.base.agent\nimport standalone.host'
    )
    assert 'import standalone.host before datadog_checks.base' in result.stderr


def test_the_service_option_becomes_a_tag(sandbox):
    """Like the Agent's sender, the host adds `service` to everything a check submits."""
    succeeds(
        sandbox,
        """
        run = Host({'service': 'mail', 'empty_default_hostname': True}).run()
        assert run.metrics[0].tags[-1] == 'service:mail' == run.service_checks[0].tags[-1] == run.events[0]['tags'][-1]
        assert run.metrics[0].hostname == ''
        """,
    )
