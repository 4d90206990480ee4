"""What ECS remembers."""
