"""Compare what the API holds with what runs, act, write status back."""
