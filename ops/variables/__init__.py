"""Variables of roles: their names and their types."""
