"""Experiments: which can be trusted, what they did, and what follows for the rates that the next list uses."""
