"""Plan and build issues."""
