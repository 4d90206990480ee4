"""ECS deployments that shift traffic."""
