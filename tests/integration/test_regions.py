"""Which Regions there are to ask, by what the machine and the options say of the account."""

from __future__ import annotations

import os
from pathlib import Path

import botocore.session
import pytest

from datadog_checks.amazon_ses.aws.regions import Known, known
from datadog_checks.amazon_ses.settings import FIPS_REGIONS, SignIn

GOV = ('us-gov-east-1', 'us-gov-west-1')
NAMES = ('AWS_REGION', 'AWS_DEFAULT_REGION')


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that knows nothing of AWS, however the one that runs the tests is set up."""
    for name in os.environ:
        if name.startswith('AWS_'):
            monkeypatch.delenv(name)
    for name in ('AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE', 'BOTO_CONFIG'):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


def role(partition: str) -> str:
    return f'arn:{partition}:iam::123456789012:role/mail'


def profiles(text: str) -> None:
    Path(os.environ['AWS_CONFIG_FILE']).write_text(text)


def ordinary() -> tuple[str, ...]:
    return tuple(sorted(botocore.session.Session().get_available_regions('sesv2')))


def test_regions_of_the_sdk() -> None:
    """Where nothing says otherwise they are those of the ordinary partition that have SES, and us-east-1 signs in."""
    found = known(SignIn(), False)
    assert found == Known(ordinary(), 'us-east-1') and {'us-east-1', 'eu-west-1', 'af-south-1'} <= set(found.names)
    assert list(found.names) == sorted(found.names) and not set(found.names) & set(GOV)


@pytest.mark.parametrize('name', NAMES)
def test_region_of_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The Region of the environment signs in, and its partition is the one that is looked at."""
    monkeypatch.setenv(name, 'eu-west-1')
    assert known(SignIn(), False) == Known(ordinary(), 'eu-west-1')
    monkeypatch.setenv(name, 'us-gov-east-1')
    assert known(SignIn(), False) == Known(GOV, 'us-gov-east-1')


def test_region_of_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Region of the profile signs in, that of the default one where no profile is named."""
    profiles('[default]\nregion = eu-west-2\n[profile mail]\nregion = us-gov-east-1\n')
    assert known(SignIn(), False).home == 'eu-west-2'
    assert known(SignIn(profile='mail'), False) == Known(GOV, 'us-gov-east-1')
    monkeypatch.setenv('AWS_REGION', 'eu-central-1')
    assert known(SignIn(profile='mail'), False) == Known(ordinary(), 'eu-central-1')


@pytest.mark.parametrize(
    ('default', 'home'), [(None, 'us-gov-west-1'), ('eu-west-1', 'us-gov-west-1'), ('us-gov-east-1', 'us-gov-east-1')]
)
def test_partition_of_the_role(monkeypatch: pytest.MonkeyPatch, default: str | None, home: str) -> None:
    """The last role decides on the partition, and a default Region of another partition does not sign in."""
    if default:
        monkeypatch.setenv('AWS_REGION', default)
    assert known(SignIn(roles=(role('aws'), role('aws-us-gov'))), False) == Known(GOV, home)


@pytest.mark.parametrize(('default', 'home'), [('eu-west-1', 'us-east-1'), ('us-west-2', 'us-west-2')])
def test_fips(monkeypatch: pytest.MonkeyPatch, default: str, home: str) -> None:
    """With `use_fips` only Regions with FIPS endpoints are there, and one of them signs in."""
    monkeypatch.setenv('AWS_REGION', default)
    names, found = known(SignIn(), True)
    assert found == home and names and set(names) == set(ordinary()) & set(FIPS_REGIONS)
    assert known(SignIn(roles=(role('aws-us-gov'),)), True) == Known(GOV, 'us-gov-west-1')


def test_partition_without_ses() -> None:
    """A partition where the SDK knows no SES, or that it does not know, has no Regions."""
    for partition in ('aws-cn', 'aws-nowhere'):
        assert known(SignIn(roles=(role(partition),)), False) == Known((), '')


def test_what_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that is not there, a file that is none and a Region that is none are as if nothing were said."""
    nothing_said = Known(ordinary(), 'us-east-1')
    assert known(SignIn(profile='nowhere'), False) == nothing_said
    profiles('this is no file of profiles')
    assert known(SignIn(), False) == nothing_said
    monkeypatch.setenv('AWS_PROFILE', 'nowhere')
    assert known(SignIn(), False) == nothing_said
    monkeypatch.setenv('AWS_REGION', 'not a Region')
    assert known(SignIn(), False) == nothing_said


def test_environment_before_a_profile_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Region in the environment counts whatever is wrong with the profile."""
    monkeypatch.setenv('AWS_REGION', 'eu-west-1')
    assert known(SignIn(profile='nowhere'), False).home == 'eu-west-1'
