"""Ring the workers' bell through Redis."""
