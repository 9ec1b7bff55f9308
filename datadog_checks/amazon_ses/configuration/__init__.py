"""From the options of an instance to validated and frozen settings."""
