"""Django's PostgreSQL backend behind a breaker."""
