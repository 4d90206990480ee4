"""The ECS agent: runs one task."""
