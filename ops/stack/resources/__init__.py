"""The resource inventory: all that an account holds of a stack, a file a subject."""
