"""The availability probe: an outside client of the application."""
