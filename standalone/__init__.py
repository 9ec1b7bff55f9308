"""Hosts the Amazon SES check without an Agent: `python -m standalone --help`.

Not part of the wheel. Imports nothing, because `standalone.agent` must be installed before the check is imported.
"""
