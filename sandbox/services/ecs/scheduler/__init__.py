"""The ECS service scheduler."""
