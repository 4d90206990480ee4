"""The terminal's output while a playbook waits."""
