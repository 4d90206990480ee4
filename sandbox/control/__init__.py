"""What every controller uses: its context, the loop that runs it, the clock, stages, isolation, maintenance windows."""
