"""Live a month of a publisher in a minute."""
