"""Estimates in, decisions out: stages, strategies and whom to keep first."""
