"""The AWS API: HTTPS, calls, errors, faults, journal, principals, state. It knows no service."""
