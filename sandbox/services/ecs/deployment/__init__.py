"""The deployment engine: deployments that shift traffic between target groups."""
