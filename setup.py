"""For tools that still call setup.py. pyproject.toml is the source; this adds what it leaves open."""

from pathlib import Path
from runpy import run_path

from setuptools import find_namespace_packages, setup

PACKAGE = 'datadog_checks.amazon_ses'

setup(
    version=run_path(str(Path(__file__).parent / 'datadog_checks' / 'amazon_ses' / '__about__.py'))['__version__'],
    packages=find_namespace_packages(include=[PACKAGE, f'{PACKAGE}.*'], exclude=[f'{PACKAGE}.data', '*.__pycache__']),
    package_data={PACKAGE: ['data/conf.yaml.example']},
)
