"""What every part of this repository promises, held by reading its files."""
