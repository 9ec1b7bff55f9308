"""`plan`: writes the instances for a list of accounts, and says what they will cost."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from standalone.command_line import EXIT_OK, Parser, Refused, write

NUMBERS = {
    'configuration_sets': 'configuration sets with metrics in CloudWatch, in each Region',
    'identities': 'identities (domains and addresses), in each Region',
    'tenants': 'tenants, in each Region',
    'series': 'further active CloudWatch series of SES, in each Region',
    'idle_series': 'how many of all of these series have no data within an hour: they cost a quarter',
}
"""What an account has in each Region: the option that stands for all accounts, and what it means."""

EPILOG = """\
A CSV file has a line for each account, and its first line names the columns:
  account,name,regions,role,external_id,configuration_sets,identities
  111111111111,shop,us-east-1 eu-west-1,datadog-amazon-ses,ENC[ses_id],5,10

A YAML file has the same keys, defaults for all accounts, and options of the check for every instance:
  defaults:
    regions: [us-east-1, eu-west-1]
    role: datadog-amazon-ses
  options:
    period: 300
  accounts:
    - {account: '111111111111', name: shop, configuration_sets: 5, tags: ['team:mail']}
    - {account: '222222222222', name: bank, role_arn: 'arn:aws:iam::222222222222:role/monitoring/ses'}

examples:
  What would it cost:
    python -m standalone plan accounts.yaml
  The same with an instance for each account, for as many Agents as are needed:
    python -m standalone plan accounts.csv --role datadog-amazon-ses --output plan
  One file for the Cluster Agent:
    python -m standalone plan accounts.yaml --cluster-check --output plan

Nothing is asked of AWS. The figures leave out VDM (at most 13 calls an hour where it is on), queues of events and
linked accounts; contexts are those of all sources that are on by default.

exit codes:
  0 all went well, 2 a wrong list or wrong usage
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        'plan',
        help='write the instances for a list of accounts, and say what they will cost',
        description='Writes the instances for a list of accounts and says, before anything is switched on, what they\n'
        'will cost: calls of AWS, billed CloudWatch metrics, dollars, contexts, and how many Agents they need.',
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # The error messages of all commands use the last two.
    parser.set_defaults(perform=perform, log_level='warning', format='text')
    option = parser.add_argument
    option('accounts', type=Path, metavar='FILE', help='the accounts, as YAML or as CSV (by the end of its name)')
    option('--output', type=Path, metavar='FOLDER', help='write the instances here (default: only say what they cost)')
    option('--replace', action='store_true', help='replace files that are there')
    cluster_help = 'write one file for cluster checks, which the Cluster Agent spreads over its runners'
    option('--cluster-check', action='store_true', help=cluster_help)
    option('--agents', type=int, metavar='N', help='for so many Agents (default: as many as are needed)')
    option('--name-tag', default='account_name', metavar='TAG', help='the tag for the name (default: account_name)')
    option('--json', action='store_true', help='print the figures as JSON')
    default = parser.add_argument_group('where an account does not say it itself').add_argument
    default('--regions', metavar='"A B"', help='its Regions')
    default('--role', metavar='NAME', help='the name of the role to assume in it')
    default('--external-id', metavar='ID', help='the external id that the role asks for; ENC[...] stays as it is')
    for name, text in NUMBERS.items():
        default(f'--{name.replace("_", "-")}', metavar='N', help=text)


def defaults(options: argparse.Namespace) -> Mapping[str, Any]:
    """What holds for every account that does not say it itself."""
    names = ('regions', 'role', 'external_id', *NUMBERS)
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def perform(options: argparse.Namespace) -> int:
    """Write the instances, or say what they cost. Returns the exit code."""
    # Not at the top: the log level must be set before the check is imported.
    from standalone import accounts, conf, plan

    try:
        listed = accounts.read(options.accounts, defaults(options))
        fleet = plan.make(listed, options.name_tag, options.agents)
        files = plan.files(fleet, options.cluster_check) if options.output else {}
        paths = plan.write(files, options.output, options.replace) if options.output else []
    except (accounts.InvalidList, conf.InvalidFile) as error:
        raise Refused(str(error)) from None
    except FileExistsError as error:
        raise Refused(f'{error} is there already: --replace overwrites it') from None
    except OSError as error:
        raise Refused(f'cannot write {error.filename}: {error.strerror}') from None
    if options.json:
        write(plan.as_json(fleet, paths))
    else:
        write('\n'.join([*plan.lines(fleet), *(f'wrote {path}' for path in paths)]))
    return EXIT_OK
