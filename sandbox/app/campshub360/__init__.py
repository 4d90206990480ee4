"""The platform's part of the image: all that docs/app-contract.md requires. It knows no domain."""
