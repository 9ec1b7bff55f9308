"""Dashboards and monitors: described here, rendered to `assets/`, and proven before anyone imports them.

`files` renders them; `lint` reads them, `strict` parses them as Datadog's API does; `recording` and `evaluate` ask
whether each widget has data, `backtest` whether each monitor alerts and recovers.
"""
