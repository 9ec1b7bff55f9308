"""The ways to say what the runs brought: one module each, with one function `render` that returns the whole text."""
