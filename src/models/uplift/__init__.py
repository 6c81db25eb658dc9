"""Uplift: whether an effect differs between customers, by whom, and what a policy that follows it is worth."""
