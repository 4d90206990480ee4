"""A stack: its names, what belongs to it, and what of it exists."""
