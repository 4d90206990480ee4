"""Processes, addresses, certificates and proxies; knows nothing of AWS."""
