"""Read refusals: the words of servers, providers and standards, as tables of reasons."""
