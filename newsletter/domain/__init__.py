"""Hold values, states and rules: no I/O, no clock, no chance."""
