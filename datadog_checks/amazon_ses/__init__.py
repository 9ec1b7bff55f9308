from datadog_checks.amazon_ses.__about__ import __version__
from datadog_checks.amazon_ses.check import AmazonSesCheck

__all__ = ['AmazonSesCheck', '__version__']
