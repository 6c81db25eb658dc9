"""Tables, time and histories: raw records in, one row a customer as of a date out."""
