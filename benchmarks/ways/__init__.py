"""The ways to collect that are compared: the check, and two obvious ways to write it.

Each has a class `Way`. `add(case, now, periods)` creates the checks of a case and runs each once, `run(now, periods)`
runs all checks at `now`, epoch seconds, and `drop()` ends them. They raise where a check fails. After a run `with_data`
is the number of series that had datapoints.
"""
