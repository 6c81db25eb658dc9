"""From a firm's raw customer records to value, risk, lifecycle stage and whom to keep first."""
