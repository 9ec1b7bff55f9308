"""The files of deploy/: each parses, keeps the rules of its kind, and has a configuration that the check takes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import kubernetes_validate
import pytest
import yaml
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs
from cfnlint.decode import decode

from datadog_checks.amazon_ses import AmazonSesCheck
from standalone import conf

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / 'deploy'
KUBERNETES = ('1.28', '1.33', '1.37')
TEMPLATES = ('ecs/agent.yaml', 'iam/role.yaml', 'vpc/endpoints.yaml')
MANIFESTS = ('kubernetes/statefulset.yaml', 'kubernetes/service.yaml')
VALUES = 'kubernetes/helm-values.yaml'
TERRAFORM = 'iam/main.tf'
IMAGE = 'image/Dockerfile'
RUN_PATH = '/opt/datadog-agent/run'
SHIPPED = {'min_collection_interval': 60, 'empty_default_hostname': True}


def documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding='utf-8')))


def template(name: str) -> dict[str, Any]:
    content, problems = decode(str(DEPLOY / name))
    assert not problems
    return json.loads(json.dumps(content))


def manifest(kind: str) -> dict[str, Any]:
    (match,) = (document for name in MANIFESTS for document in documents(name) if document['kind'] == kind)
    return match


def configurations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each configuration of the check below deploy/, with its name."""
    for path in sorted((DEPLOY / 'conf').iterdir()):
        yield path.name, yaml.safe_load(path.read_text(encoding='utf-8'))
    yield 'statefulset', yaml.safe_load(manifest('ConfigMap')['data']['conf.yaml'])
    yield 'cluster check', yaml.safe_load(documents(VALUES)[0]['clusterAgent']['confd']['amazon_ses.yaml'])
    annotation = manifest('Service')['metadata']['annotations']['ad.datadoghq.com/service.checks']
    yield 'annotation', json.loads(annotation)['amazon_ses']


CONFIGURATIONS = dict(configurations())


def default_actions() -> list[str]:
    document = json.loads((ROOT / 'assets' / 'iam_policy_default.json').read_text(encoding='utf-8'))
    (statement,) = document['Statement']
    return statement['Action']


def test_every_file_is_checked() -> None:
    """Each file below deploy/ is of a kind that a test here checks."""
    paths = {path.relative_to(DEPLOY).as_posix() for path in DEPLOY.rglob('*') if path.is_file()}
    in_conf = {name for name in paths if name.startswith('conf/')}
    assert paths - in_conf == {*TEMPLATES, *MANIFESTS, VALUES, TERRAFORM, IMAGE}
    assert len(in_conf) >= 5


@pytest.mark.parametrize('version', KUBERNETES)
@pytest.mark.parametrize('name', MANIFESTS)
def test_manifests_are_those_of_kubernetes(name: str, version: str) -> None:
    """Kubernetes, an old release and the newest, knows every field of every manifest."""
    for document in documents(name):
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize('name', TEMPLATES)
def test_templates_are_those_of_cloudformation(name: str) -> None:
    """cfn-lint finds nothing in a CloudFormation template, with its hints and in GovCloud too."""
    hints: ManualArgs = {'include_checks': ['I'], 'regions': ['us-east-1', 'eu-west-1', 'us-gov-west-1']}
    assert [str(match) for match in lint_file(DEPLOY / name, hints)] == []


@pytest.mark.parametrize('name', CONFIGURATIONS)
def test_the_check_takes_each_configuration(name: str, tmp_path: Path) -> None:
    """The check takes each instance of each configuration, as shipped with interval and empty host name; nothing in it
    is an option that nobody reads."""
    content = CONFIGURATIONS[name]
    (tmp_path / 'conf.yaml').write_text(yaml.safe_dump(resolved(content, tmp_path)), encoding='utf-8')
    read = conf.read(tmp_path / 'conf.yaml')
    assert read.unread == ()
    for instance in read.instances:
        assert SHIPPED.items() <= instance.items()
        check = AmazonSesCheck('amazon_ses', read.init_config, [instance])
        for start in check.check_initializations:
            start()
        assert check._odd_options == []


def resolved(value: Any, folder: Path) -> Any:
    """A configuration as an Agent has it after it looked up ENC[...], with a file of certificates that exists."""
    if isinstance(value, dict):
        return {key: resolved(inner, folder) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner, folder) for inner in value]
    if isinstance(value, str) and value.endswith('.pem'):
        (folder / 'ca.pem').touch()
        return str(folder / 'ca.pem')
    return f'secret{abs(hash(value))}' if isinstance(value, str) and value.startswith('ENC[') else value


def test_no_secret_is_in_a_file() -> None:
    """External ids and secret keys are handles of the secret backend."""
    texts = [json.dumps(content) for content in CONFIGURATIONS.values()]
    secrets = [value for text in texts for value in re.findall(r'"(?:external_id|aws_secret_\w+)": "(.*?)"', text)]
    assert len(secrets) > 3 and all(value.startswith('ENC[') for value in secrets)


def test_exactly_one_agent_runs_it() -> None:
    """One pod or task at a time, with run_path on a volume; nothing is for a DaemonSet or for pods with replicas."""
    kinds = {document['kind'] for name in MANIFESTS for document in documents(name)}
    assert kinds == {'ServiceAccount', 'ConfigMap', 'StatefulSet', 'Service'}
    spec = manifest('StatefulSet')['spec']
    (container,) = spec['template']['spec']['containers']
    mounts = {mount['mountPath']: mount['name'] for mount in container['volumeMounts']}
    environment = {variable['name']: variable.get('value') for variable in container['env']}
    assert spec['replicas'] == 1 and environment['DD_RUN_PATH'] == RUN_PATH
    assert [claim['metadata']['name'] for claim in spec['volumeClaimTemplates']] == [mounts[RUN_PATH]]
    resources = template('ecs/agent.yaml')['Resources']
    service, task = resources['Service']['Properties'], resources['Task']['Properties']
    assert (service['DesiredCount'], service['DeploymentConfiguration']['MaximumPercent']) == (1, 100)
    (volume,) = task['Volumes']
    (container,) = task['ContainerDefinitions']
    assert container['MountPoints'] == [{'SourceVolume': volume['Name'], 'ContainerPath': RUN_PATH}]
    assert {'Name': 'DD_RUN_PATH', 'Value': RUN_PATH} in container['Environment']


def test_cluster_checks_are_the_cluster_agents() -> None:
    """The Helm values have the check in the Cluster Agent's confd, as a cluster check, and the image on the runners."""
    (values,) = documents(VALUES)
    assert 'confd' not in values['datadog'] and 'agents' not in values
    assert CONFIGURATIONS['cluster check']['cluster_check'] is True
    assert values['datadog']['clusterChecks']['enabled'] and values['clusterChecksRunner']['enabled']
    (container,) = manifest('StatefulSet')['spec']['template']['spec']['containers']
    image = values['clusterChecksRunner']['image']
    assert f'{image["repository"]}:{image["tag"]}' == container['image']


def test_the_role_of_cloudformation_is_the_default_policy() -> None:
    """The role of the StackSet has the default policy and no more, and trusts one principal with the external id."""
    role = template('iam/role.yaml')['Resources']['Role']['Properties']
    (policy,) = role['Policies']
    (statement,) = policy['PolicyDocument']['Statement']
    assert (statement['Effect'], statement['Action'], statement['Resource']) == ('Allow', default_actions(), '*')
    (trust,) = role['AssumeRolePolicyDocument']['Statement']
    assert trust['Principal'] == {'AWS': {'Ref': 'AgentRoleArn'}} and trust['Action'] == 'sts:AssumeRole'
    assert trust['Condition'] == {'StringEquals': {'sts:ExternalId': {'Ref': 'ExternalId'}}}


def terraform() -> dict[str, Any]:
    with (DEPLOY / TERRAFORM).open(encoding='utf-8') as file:
        content: dict[str, Any] = hcl2.load(file)
    return content


def texts_of(value: Any) -> Any:
    """A value of HCL without the quotes that the parser keeps."""
    if isinstance(value, dict):
        return {texts_of(key): texts_of(inner) for key, inner in value.items() if not str(key).startswith('__')}
    if isinstance(value, list):
        return [texts_of(inner) for inner in value]
    return value.strip('"') if isinstance(value, str) else value


def blocks(kind: str) -> dict[str, Any]:
    """The blocks of a kind by their labels: `type.name`, or `name`."""
    bodies = {}
    for block in texts_of(terraform()[kind]):
        ((label, body),) = block.items()
        nested = kind in ('data', 'resource')
        bodies |= {f'{label}.{name}': inner for name, inner in body.items()} if nested else {label: body}
    return bodies


def test_the_role_of_terraform_is_the_default_policy() -> None:
    """The role of Terraform has the default policy and no more, and trusts one principal with the external id."""
    data = blocks('data')
    (read,) = data['aws_iam_policy_document.read']['statement']
    assert (read['actions'], read['resources']) == (default_actions(), ['*'])
    (trust,) = data['aws_iam_policy_document.trust']['statement']
    (condition,) = trust['condition']
    assert trust['actions'] == ['sts:AssumeRole'] and condition['variable'] == 'sts:ExternalId'
    assert 'var.external_id' in str(condition['values']) and 'var.agent_role_arn' in str(trust['principals'])


def test_references_of_terraform_exist() -> None:
    """Each variable, data source and resource that the Terraform file refers to is in it."""
    text = (DEPLOY / TERRAFORM).read_text(encoding='utf-8')
    assert set(re.findall(r'\bvar\.(\w+)', text)) == set(blocks('variable'))
    assert set(re.findall(r'\bdata\.(\w+\.\w+)', text)) == set(blocks('data'))
    assert set(re.findall(r'(?<![.\w])(aws_iam_\w+\.\w+)\.', text.replace('data.aws', 'data_aws'))) <= set(
        blocks('resource')
    )


def test_both_roles_have_the_name_that_the_agent_assumes() -> None:
    """The roles have one name by default, and the task of ECS may assume exactly that."""
    role, agent = template('iam/role.yaml')['Parameters'], template('ecs/agent.yaml')
    assert role['RoleName']['Default'] == blocks('variable')['role_name']['default']
    assert role['RoleName']['Default'] == agent['Parameters']['ReaderRoleName']['Default']
    (policy,) = agent['Resources']['TaskRole']['Properties']['Policies']
    (statement,) = policy['PolicyDocument']['Statement']
    assert statement['Action'] == 'sts:AssumeRole'
    assert statement['Resource'] == {'Fn::Sub': 'arn:${AWS::Partition}:iam::*:role/${ReaderRoleName}'}


def test_the_image_installs_the_wheel() -> None:
    """The image is the Agent's, and installs the wheel that the README builds."""
    lines = (DEPLOY / IMAGE).read_text(encoding='utf-8').splitlines()
    instructions = [line for line in lines if line and not line.startswith('#')]
    assert instructions[0].startswith('FROM gcr.io/datadoghq/agent:7')
    assert 'datadog_amazon_ses-*.whl' in instructions[1] and 'integration install' in instructions[2]


def test_the_command_of_the_task_is_a_shells() -> None:
    """The command of the ECS task is one that a shell can read."""
    (container,) = template('ecs/agent.yaml')['Resources']['Task']['Properties']['ContainerDefinitions']
    shell, option = container['EntryPoint']
    (command,) = container['Command']
    assert (shell, option) == ('/bin/sh', '-c')
    assert subprocess.run(['sh', '-n', '-c', command], capture_output=True).returncode == 0
