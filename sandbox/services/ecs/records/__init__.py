"""Records of ECS: its resources, as moto's backends keep them."""
