"""The workflow's configuration: typed, checked before any job starts."""

from replidg.config.check import ConfigError, load
from replidg.config.schema import Config

__all__ = ["Config", "ConfigError", "load"]
