"""Start what a machine without services lacks: broker, inbox, processes."""
