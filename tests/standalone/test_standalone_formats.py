"""The output formats as functions of the submissions."""

from __future__ import annotations

import json

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from standalone.declarations import Declaration
from standalone.formats import json as agent_json
from standalone.formats import nagios, openmetrics, text
from standalone.model import Context, Run, Sample, ServiceCheck
from standalone.redaction import Redactor
from standalone.report import Report

TARGET = ('aws_account:1', 'region:x')


def gauge(name, value, tags=TARGET, hostname=''):
    return Sample(f'amazon_ses.{name}', 'gauge', value, tags, hostname)


def count(name, value, tags=TARGET):
    return Sample(f'amazon_ses.{name}', 'count', value, tags, '')


def status(name, level, message='', tags=TARGET):
    return ServiceCheck(f'amazon_ses.{name}', level, tags, '', message)


def report(*runs, instance=None):
    total = Report('amazon_ses:abc', '1.0.0', 'file:conf.yaml', instance or {})
    for time, (metrics, service_checks) in enumerate(runs, 1000):
        total.add(Run(time=time, duration=0.2, metrics=metrics, service_checks=service_checks))
    return total


def families(output):
    return {family.name: family for family in text_string_to_metric_families(output)}


def test_series_fold_as_in_the_agent():
    """Over several runs a gauge shows its last value and a count its sum, whatever the order of tags."""
    first = [gauge('g', 1), count('c', 2, ('b:1', 'a:1'))]
    second = [gauge('g', 5), count('c', 3, ('a:1', 'b:1'))]
    metrics = json.loads(agent_json.render([report((first, []), (second, []))]))[0]['aggregator']['metrics']
    assert [(series['metric'], series['type'], series['points'], series['tags']) for series in metrics] == [
        ('amazon_ses.c', 'count', [[1001, 5]], ['a:1', 'b:1']),
        ('amazon_ses.g', 'gauge', [[1001, 5]], list(TARGET)),
    ]


def test_text_of_one_run():
    """The text equals that of `agent check`, apart from the hint for more runs."""
    single_run = report(([gauge('send', 1.5)], [status('can_connect', 0)]))
    single_run.metadata = {'config.provider': 'file'}
    assert text.render([single_run]) == (
        '=== Series ===\n[\n  {\n    "metric": "amazon_ses.send",\n    "points": [\n      [\n        1000,\n'
        '        1.5\n      ]\n    ],\n    "tags": [\n      "aws_account:1",\n      "region:x"\n    ],\n'
        '    "host": "",\n    "type": "gauge",\n    "interval": 0,\n    "source_type_name": "System"\n  }\n]\n'
        '=== Service Checks ===\n[\n  {\n    "check": "amazon_ses.can_connect",\n    "host_name": "",\n'
        '    "timestamp": 1000,\n    "status": 0,\n    "message": "",\n    "tags": [\n      "aws_account:1",\n'
        '      "region:x"\n    ]\n  }\n]\n'
        '=========\nCollector\n=========\n\n  Running Checks\n  ==============\n\n'
        '    amazon_ses (1.0.0)\n    ------------------\n'
        '      Instance ID: amazon_ses:abc [OK]\n      Configuration Source: file:conf.yaml\n      Total Runs: 1\n'
        '      Metric Samples: Last Run: 1, Total: 1\n      Events: Last Run: 0, Total: 0\n'
        '      Service Checks: Last Run: 1, Total: 1\n      Average Execution Time : 200ms\n'
        '      Last Execution Date : 1970-01-01 00:16:40 UTC (1000000)\n'
        '      Last Successful Execution Date : 1970-01-01 00:16:40 UTC (1000000)\n\n'
        '  Metadata\n  ========\n    config.provider: file\n\n'
        'Check has run only once, if some metrics are missing you can try again with --runs 2.'
    )


def test_openmetrics_families():
    """Gauges, counters and statuses of one stem are three families that the reference parser tells apart."""
    metrics = [gauge('can_connect', 1), gauge('send', 3), count('send.count', 4)]
    counters = {Context('amazon_ses.send.count', TARGET, ''): 40.0}
    declared = {'amazon_ses.send': Declaration('gauge', 'email', 'Mails "sent"\\ now.')}
    rendered = families(openmetrics.render([report((metrics, [status('can_connect', 2)]))], counters, declared))
    assert {name: (family.type, family.samples[0].value) for name, family in rendered.items()} == {
        'amazon_ses_can_connect': ('gauge', 1),
        'amazon_ses_can_connect_status': ('gauge', 2),
        'amazon_ses_send': ('gauge', 3),
        'amazon_ses_send_count': ('counter', 40),
    }
    assert rendered['amazon_ses_send_count'].samples[0].name == 'amazon_ses_send_count_total'
    assert rendered['amazon_ses_send'].documentation == 'Mails "sent"\\ now.'
    assert rendered['amazon_ses_send'].samples[0].labels == {'aws_account': '1', 'region': 'x'}


def test_openmetrics_names_never_clash():
    """Metrics with the same OpenMetrics name get different families, which do not depend on other submissions."""
    metrics = [gauge('a.b', 1), gauge('a_b', 2), gauge('c.total', 3), gauge('d', 4), gauge('sending_status', 5)]
    counters = {Context(f'amazon_ses.{name}', (), ''): 1.0 for name in ('c', 'd', 'a.b')}
    declared = {sample.name: Declaration('gauge', '', '') for sample in metrics}
    declared |= {'amazon_ses.c': Declaration('count', '', '')}
    statuses = [status('sending_status', 0), status('d', 0)]
    rendered = families(openmetrics.render([report((metrics, statuses))], counters, declared))
    assert len(rendered) == 5 + 3 + 2
    assert sorted(sample.value for family in rendered.values() for sample in family.samples) == sorted(
        [1, 2, 3, 4, 5, 1, 1, 1, 0, 0]
    )
    alone = families(openmetrics.render([report(([], [status('sending_status', 0)]))], {}, declared))
    assert set(alone) < set(rendered)


@pytest.mark.parametrize(
    'tags, labels',
    [
        (('k:quote" back\\slash\nline',), {'k': 'quote" back\\slash\nline'}),
        (('k:b', 'k:a'), {'k': 'a,b'}),
        (('bare',), {'tag': 'bare'}),
        (('set-name:v:w',), {'set_name': 'v:w'}),
        (('9a:v', '__b:w', ':x'), {'_9a': 'v', 'tag__b': 'w', '_': 'x'}),
        (('k:\u00fc\U0001f600',), {'k': '\u00fc\U0001f600'}),
        (('k:',), {'k': ''}),
    ],
)
def test_openmetrics_labels(tags, labels):
    """The reference parser reads the value of each tag unchanged, under an allowed name."""
    rendered = families(openmetrics.render([report(([gauge('g', 1, tags)], []))], {}))
    assert rendered['amazon_ses_g'].samples[0].labels == labels


def test_openmetrics_without_samples():
    """Without samples the output is a valid exposition, too."""
    assert openmetrics.render([], {}) == '# EOF'


@pytest.mark.parametrize(
    'levels, word, code',
    [
        ((0, 0), 'OK', 0),
        ((0, 3), 'UNKNOWN', 3),
        ((3, 1), 'WARNING', 1),
        ((1, 3, 2), 'CRITICAL', 2),
        ((), 'UNKNOWN', 3),
    ],
)
def test_nagios_worst_status_decides(levels, word, code):
    """The exit code is the worst status, where unknown is better than warning; without any status it is unknown."""
    statuses = [status(f's{number}', level, level and f'm{number}') for number, level in enumerate(levels)]
    line, exit_code = nagios.render([report(([], statuses))])
    assert line.startswith(f'SES {word} - ') and exit_code == code


def test_nagios_names_the_worst_first_in_one_line():
    """The text names the worst problem first, with its tags, and contains no line break and no bar."""
    statuses = [
        status('can_connect', 1, 'slow'),
        status('threshold', 2, 'bounce | rate\nhigh', (*TARGET, 'metric:reputation.bounce_rate')),
    ]
    line, _ = nagios.render([report(([], statuses))])
    assert line == (
        'SES CRITICAL - CRITICAL threshold (aws_account:1, metric:reputation.bounce_rate, region:x): '
        'bounce / rate high; WARNING can_connect (aws_account:1, region:x): slow'
    )


def test_nagios_shows_the_last_run():
    """Problems of earlier runs are not shown."""
    line, code = nagios.render([report(([], [status('a', 2, 'bad')]), ([], [status('a', 0)]))])
    assert (line, code) == ('SES OK - the one status is OK', 0)


def test_nagios_performance_figures():
    """Each account-level gauge has a figure with unit, limits, a quoted label, and digits only."""
    option_tags = ('team:mail',)
    metrics = [
        gauge('reputation.bounce_rate', 4.25, (*TARGET, *option_tags)),
        gauge('reputation.age', 30, TARGET),
        gauge("it's=odd", 1e-7, TARGET),
        gauge('big', 1e22, TARGET),
        gauge('send_statistics.bounces', 1, (*TARGET, 'window:24h')),
        gauge('collector.series', 9, TARGET),
        count('send.count', 5),
    ]
    thresholds = [
        {'metric': 'reputation.bounce_rate', 'warning': '5', 'critical': '@10:20'},
        {'metric': 'amazon_ses.reputation.age', 'critical': '>= 3600'},
        {'metric': 'big', 'warning': '< 10', 'critical': 'no; range'},
    ]
    declared = {
        'amazon_ses.reputation.bounce_rate': Declaration('gauge', 'percent', ''),
        'amazon_ses.reputation.age': Declaration('gauge', 'second', ''),
    }
    instance = {'tags': list(option_tags), 'thresholds': thresholds}
    line, _ = nagios.render([report((metrics, [status('a', 0)]), instance=instance)], declared)
    assert line.partition(' | ')[2] == (
        "'big'=10000000000000000000000;10: 'it''s_odd'=0.0000001 "
        "'reputation.age'=30s;;3600 'reputation.bounce_rate'=4.25%;5;@10:20"
    )


def test_nagios_figures_of_several_targets_differ():
    """With several accounts or Regions the labels name them."""
    metrics = [gauge('send', 1), gauge('send', 2, ('aws_account:1', 'region:y'))]
    line, _ = nagios.render([report((metrics, [status('a', 0)]))])
    assert line.endswith("| '1/x/send'=1 '1/y/send'=2")


def test_secrets_are_masked():
    """Secret options, key ids and users of URLs are masked in any text; paths and plain options are not."""
    redactor = Redactor()
    redactor.learn({'aws': {'aws_secret_access_key': 'hush/hush'}, 'region': 'eu-west-1', 'token_file': '/a/token'})
    assert redactor('hush/hush eu-west-1 /a/token AKIAABCDEFGHIJKLMNOP http://u:p@proxy:80') == (
        '******** eu-west-1 /a/token ******** http://********@proxy:80'
    )
