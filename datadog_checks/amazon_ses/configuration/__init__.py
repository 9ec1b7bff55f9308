"""From the options of an instance, as they were written, to checked and frozen settings."""
