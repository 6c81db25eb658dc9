"""Raw records checked, counted and sorted into a history."""
