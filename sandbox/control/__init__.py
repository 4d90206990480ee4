"""The base of all controllers: context, loop, clock, stages, isolation of failures, maintenance windows."""
