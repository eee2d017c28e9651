"""Ring use cases from Celery: each task takes ids, calls one use case, and may be lost or doubled without harm."""
