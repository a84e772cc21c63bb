"""Results as Rich renderables: one module for each kind of result, with a function ``render``."""
