"""Training: candidates fitted, judged out of time, the winner registered."""
