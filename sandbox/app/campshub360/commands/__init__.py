"""The commands that run once, each `run(options) -> exit code`."""
