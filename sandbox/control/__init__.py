"""What every controller needs: the loop that runs it, its context, stages, isolation."""
