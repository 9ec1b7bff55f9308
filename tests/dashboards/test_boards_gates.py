from __future__ import annotations

from typing import Any

from tools.boards import dashboard_lint, monitor_lint, strict
from tools.boards.files import DASHBOARDS, TEMPLATES
from tools.boards.monitors import MONITORS


def test_api_takes_the_dashboards(boards: dict[str, Any]) -> None:
    """Datadog's newest client parses each widget by itself, without a field that is unknown or deprecated."""
    assert [str(finding) for board in boards.values() for finding in strict.dashboard(board)] == []


def test_api_takes_the_monitors(templates: dict[str, Any]) -> None:
    """Datadog's newest client parses each monitor, without a field that is unknown or deprecated."""
    assert [str(finding) for template in templates.values() for finding in strict.monitor(template['definition'])] == []


def test_dashboards_pass_the_lint(boards: dict[str, Any]) -> None:
    """Queries, formulas, variables, ids, layout, style, thresholds and references of the dashboards are in order."""
    assert [str(finding) for board in boards.values() for finding in dashboard_lint.lint(board)] == []


def test_monitors_pass_the_lint(templates: dict[str, Any]) -> None:
    """Keys, queries, thresholds, messages and options of the monitors are in order."""
    assert [str(finding) for template in templates.values() for finding in monitor_lint.lint(template)] == []


def test_each_metric_is_shown_or_excused(boards: dict[str, Any]) -> None:
    """Each metric of the catalogue is on a dashboard or on the list with a reason, and no reason is stale."""
    assert [str(finding) for finding in dashboard_lint.coverage(boards.values())] == []


def test_there_are_at_most_thirty_monitors() -> None:
    """Three dashboards and at most thirty monitors are shipped, one of which wakes somebody."""
    assert len(DASHBOARDS) == 3 and len(TEMPLATES) <= 30
    assert [monitor.key for monitor in MONITORS if monitor.priority == 1] == ['sending_paused']
