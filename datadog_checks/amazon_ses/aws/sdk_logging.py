"""The log levels of the SDK's loggers, so that no secret and no name of a user gets into the Agent's log."""

from __future__ import annotations

import logging
import warnings

LOWEST_LEVELS = {
    'boto3': logging.WARNING,
    'botocore': logging.WARNING,
    's3transfer': logging.WARNING,
    'urllib3': logging.WARNING,
    'botocore.credentials': logging.CRITICAL,
    'botocore.tokens': logging.CRITICAL,
    'botocore.utils': logging.CRITICAL,
}
"""The lowest level of each logger. Below WARNING the SDK logs requests, answers and session tokens; below CRITICAL the
last three log AWS's own message of a denial, which names the user."""


def raise_log_levels(verify: bool | str) -> None:
    """Raise the loggers to their lowest levels. With `verify` False, urllib3 warns of unverified requests no more."""
    for name, level in LOWEST_LEVELS.items():
        logger = logging.getLogger(name)
        logger.setLevel(max(level, logger.level))
    if verify is False:
        warnings.filterwarnings('ignore', message='Unverified HTTPS request')
