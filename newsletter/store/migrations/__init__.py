"""Move the schema, one head, up and down."""
