"""The configuration: one typed document, TOML in and out, versions, diff, roll-back."""

from appliance.config.load import dumps, load, loads
from appliance.config.model import Config, to_builtins
from appliance.config.problems import ConfigError, ConfigProblem

__all__ = ["Config", "ConfigError", "ConfigProblem", "dumps", "load", "loads", "to_builtins"]
