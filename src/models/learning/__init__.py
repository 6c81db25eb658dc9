"""Candidates that learn from past snapshots to forecast churn, decline and spend out of time."""
