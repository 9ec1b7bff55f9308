"""The output formats: each module has a function `render` that returns the whole text."""
