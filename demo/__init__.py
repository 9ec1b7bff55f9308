"""The check at work for some simulated hours, and the proof that its counts are exact: `python -m demo --help`.

Not part of the wheel. Nothing is imported here, because `standalone.host` has to be there before the check is.
"""
