"""The commands, each with its arguments."""
