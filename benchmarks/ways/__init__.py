"""The ways to collect that are compared: ours and the two obvious ones.

Each has `run(now, ...)`, which collects and submits once as of `now` (epoch seconds) and raises where that fails.
"""
