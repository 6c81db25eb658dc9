"""Scoring: every customer by the champion, one plan over all, files written at once."""
