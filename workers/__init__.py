"""Run Celery: the roof over the use cases."""
