"""A local AWS: moto's API with a real data plane behind it."""
