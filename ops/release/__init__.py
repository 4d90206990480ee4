"""A release: preflight, deployment, metrics, analysis, smoke test, history."""
