from .__about__ import __version__
from .check import AmazonSesCheck

__all__ = ['AmazonSesCheck', '__version__']
