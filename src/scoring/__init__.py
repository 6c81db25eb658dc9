"""From a champion and histories to estimates, plan and rows: what a notebook calls and what the nightly run does."""
