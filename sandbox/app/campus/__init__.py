"""The domain: students, courses, attendance, fees, and the heartbeat that probes write to."""
