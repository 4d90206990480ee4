"""The application, run as a task runs it."""
