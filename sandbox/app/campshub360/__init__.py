"""What the platform's contract asks of an image; docs/app-contract.md says it in words."""
