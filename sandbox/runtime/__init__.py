"""Processes, addresses, certificates, images, and the servers of the data plane. It knows no cloud."""
