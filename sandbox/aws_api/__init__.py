"""The server of the AWS API: HTTPS, calls, errors, faults, journal, principals, state. It imports no service."""
