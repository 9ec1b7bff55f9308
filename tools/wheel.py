"""Tries the wheel where only the Agent's part is installed: `python tools/wheel.py WHEEL`, with that Python.

It installs the wheel as the Agent does, then runs the check and its diagnosis in an empty folder, against the simulator
of this checkout, which runs in a process of its own. Needs nothing but the Agent's part.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

INSTALL = ('-m', 'pip', 'install', '--quiet', '--no-index', '--no-deps', '--no-cache-dir', '--force-reinstall')
"""As `datadog-agent integration install -w` installs a wheel."""

RUN = """
import json, sys
from importlib.metadata import distribution
import datadog_checks.amazon_ses as package
from datadog_checks.base.stubs import aggregator

options = json.loads(sys.argv[1])
check = package.AmazonSesCheck('amazon_ses', {}, [options])
errors = [check.run() for _ in range(2)]
denied = [each for each in json.loads(check.get_diagnoses()) if each['result'] != 0]
files = sorted(str(path) for path in distribution('datadog-amazon-ses').files)
print(json.dumps({
    'place': package.__file__,
    'errors': errors,
    'metrics': len(aggregator.metric_names),
    'denied': [[each['name'], each['diagnosis'], each['remediation']] for each in denied],
    'example': any(name.endswith('amazon_ses/data/conf.yaml.example') for name in files),
}))
"""


def main(wheel: str) -> int:
    """Install and run the wheel. The exit code is 1 where anything is not as it should be."""
    subprocess.run([sys.executable, '-I', *INSTALL, wheel], check=True)
    simulator = subprocess.Popen(
        [sys.executable, '-m', 'simulator', '--scenario', 'steady'], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert simulator.stdout is not None
        url = next(iter(re.findall(r'http://[\w.:]+', simulator.stdout.readline())))
        report = _run(url)
    finally:
        simulator.terminate()
        simulator.wait()
    problems = _problems(report)
    print(f'Python {sys.version.split()[0]}: {report["metrics"]} metrics from {report["place"]}', *problems, sep='\n')
    return int(bool(problems))


def _run(url: str) -> dict[str, object]:
    """What the installed check reports, run where no file of the checkout can be imported."""
    options = {
        'region': 'us-east-1',
        'endpoint_url': url,
        'aws_access_key_id': 'AKIAIOSFODNN7EXAMPLE',
        'aws_secret_access_key': 'not-a-secret',
        'collect': ['account', 'cloudwatch', 'configuration_sets'],
    }
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, '-I', '-c', RUN, json.dumps(options)]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if ended.returncode:
        raise SystemExit(ended.stderr)
    report: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
    return report


def _problems(report: dict[str, object]) -> list[str]:
    checks = {
        f'the check came from {report["place"]}': 'site-packages' in str(report['place']),
        f'a run failed: {report["errors"]}': report['errors'] == ['', ''],
        'the example configuration is not in the wheel': bool(report['example']),
        'no metric was submitted': bool(report['metrics']),
        f'the diagnosis failed: {report["denied"]}': report['denied'] == [],
    }
    return [problem for problem, passed in checks.items() if not passed]


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
