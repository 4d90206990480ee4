"""What the playbooks do, as an ordinary package: a folder a subject. It knows neither Ansible nor where AWS is."""
