"""The one-off commands, each `run(options) -> exit code`."""
