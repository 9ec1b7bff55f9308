"""Dashboards and monitors: described here, rendered to `assets/`, and proven before anyone imports them.

`files` renders them. `dashboard_lint` and `monitor_lint` judge them, `strict` parses them as Datadog's API does.
`record` records the check, `proof` asks whether each widget has data, `backtest` whether monitors alert and recover.
"""
