"""The ECS agent, which runs one task."""
