"""Hosts the Amazon SES check where there is no Agent: `python -m standalone --help`.

Not part of the wheel. Nothing is imported here, because `standalone.agent` has to be there before the check is.
"""
