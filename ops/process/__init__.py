"""Processes beside ansible-playbook."""
