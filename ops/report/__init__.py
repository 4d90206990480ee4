"""Reports of runs: events, facts, pages."""
