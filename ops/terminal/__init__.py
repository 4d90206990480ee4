"""What a person sees in the terminal while a playbook waits."""
