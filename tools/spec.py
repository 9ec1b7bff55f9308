"""What is generated from spec.yaml: the example configuration and the config models. Nothing here imports the check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from runpy import run_path
from typing import Any

from datadog_checks.dev.tooling.configuration import ConfigSpec
from datadog_checks.dev.tooling.configuration.consumers import ExampleConsumer, ModelConsumer
from datadog_checks.dev.tooling.utils import get_config_models_documentation

ROOT = Path(__file__).resolve().parent.parent
SPEC = 'assets/configuration/spec.yaml'
PACKAGE = 'datadog_checks/amazon_ses'
EXAMPLE = f'{PACKAGE}/data/conf.yaml.example'
MODELS = f'{PACKAGE}/config_models'

MODEL_FILES = ('__init__.py', 'defaults.py', 'instance.py', 'shared.py')
"""The generated models. `validators.py` beside them is written by hand."""


def example() -> str:
    """The example configuration, byte for byte as `ddev validate config --sync` writes it."""
    rendered: dict[str, tuple[str, list[str]]] = ExampleConsumer(_spec()).render()
    ((text, errors),) = rendered.values()
    _refuse(errors)
    return text


def models() -> dict[str, str]:
    """The config models by file name, as `ddev validate models --sync` writes them outside integrations-core."""
    texts = {}
    # Any, because the annotation there says that texts come without errors.
    rendered: Any = ModelConsumer(_spec()).render()
    for name, (text, errors) in rendered['amazon_ses.yaml'].items():
        _refuse(errors)
        if name != 'validators.py':
            texts[name] = f'{get_config_models_documentation()}\n{text}'
    if sorted(texts) != sorted(MODEL_FILES):
        raise ValueError(f'The models rendered from {SPEC} are {sorted(texts)}, expected {sorted(MODEL_FILES)}.')
    return texts


def options() -> list[dict[str, Any]]:
    """The options of an instance that are not hidden, in the order of the example: those that matter come first."""
    (file,) = _spec()['files']
    (section,) = (section for section in file['options'] if section['name'] == 'instances')
    shown = [option for option in section['options'] if not option['hidden']]
    return sorted(shown, key=lambda option: -int(option['display_priority']))


def _model(name: str) -> Callable[[], str]:
    return lambda: models()[name]


FILES: dict[str, Callable[[], str]] = {EXAMPLE: example, **{f'{MODELS}/{name}': _model(name) for name in MODEL_FILES}}
"""Each of these files and its text."""


def _spec() -> dict[str, Any]:
    """The specification, loaded anew, because the consumers change what they render from."""
    version = run_path(str(ROOT / PACKAGE / '__about__.py'))['__version__']
    spec = ConfigSpec((ROOT / SPEC).read_text(encoding='utf-8'), source='amazon_ses', version=version)
    spec.load()
    _refuse(spec.errors)
    return dict(spec.data or {})


def _refuse(errors: Sequence[str]) -> None:
    if errors:
        raise ValueError(f'{SPEC} cannot be rendered: ' + '; '.join(errors))
