"""Arrays in, estimates out: value, churn, decline and how far to trust them."""
