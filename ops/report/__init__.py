"""Reports of runs: their files, the Jinja2 templates of a page, and the report of a release."""
