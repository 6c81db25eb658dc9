"""Experiments: lists and campaigns in, effects and rates out."""
