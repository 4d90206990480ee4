"""The deployment lock: a lease in S3 and its keeper."""
