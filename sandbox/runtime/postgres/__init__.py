"""PostgreSQL: one server, its configuration files, and a primary with its synchronous standby."""
