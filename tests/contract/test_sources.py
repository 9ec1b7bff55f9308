"""The words of the option `collect`: the registry decides them, and spec.yaml documents them."""

from __future__ import annotations

import re
from pathlib import Path

from datadog_checks.amazon_ses.config_models import defaults
from datadog_checks.amazon_ses.registry import COLLECTORS, DEFAULT_SOURCES, SOURCE_NAMES
from tools import spec


def test_every_source_is_described_in_the_option_collect(root: Path) -> None:
    """`collect` has a line for each source: else describe it in assets/configuration/spec.yaml, then `make sync`."""
    description = re.search(
        r'    - name: collect\n.*?      value:\n', (root / spec.SPEC).read_text(encoding='utf-8'), re.DOTALL
    )
    assert description is not None
    described = re.findall(r'^          - (\w+): ', description[0], re.MULTILINE)
    assert described == list(SOURCE_NAMES), (
        'the description of `collect` in spec.yaml has a line for each, in this order'
    )


def test_every_source_but_those_to_opt_in_is_collected_by_default() -> None:
    """The default of `collect` is every source without `opt_in`: else list it in spec.yaml, then `make sync`."""
    assert defaults.instance_collect() == list(DEFAULT_SOURCES), (
        '`example` and `display_default` of `collect` in spec.yaml list them all, in this order; then `make sync`'
    )


def test_stand_ins_replace_a_source_of_the_registry() -> None:
    """A source that stands in for another one names a source of the registry, which stands in for none itself."""
    replaceable = {collector.name for collector in COLLECTORS if not collector.instead_of}
    assert {collector.instead_of for collector in COLLECTORS if collector.instead_of} <= replaceable


def test_names_of_sources_are_unique() -> None:
    """No two sources share a name."""
    names = [*SOURCE_NAMES, *(collector.name for collector in COLLECTORS if collector.instead_of)]
    assert len(set(names)) == len(names)
