"""Configure Celery: the bell, never the truth.

Start it with ``celery -A workers.app worker -Q <queues>`` and ``celery -A workers.app beat``; see the Procfile.
The numbers were tried with Celery 5.6 and kombu 5.7; docs/decisions/0002 says why the database is the queue.
"""

from __future__ import annotations

from celery import Celery

from newsletter.broker.bell import KEY_PREFIX, QUEUES
from newsletter.runtime import settings as runtime_settings

# A drain opens no message after 45 s, and the answer to one final dot may take ten minutes (RFC 5321 §4.5.3.2.6).
_SEND_HARD_LIMIT = 45 + 600 + 30
_HARD_LIMIT = 180

settings = runtime_settings.load()
_EVERY = {"plan": settings.tick_seconds, "sweep": settings.tick_seconds}
if settings.imap_host or settings.maildir:
    _EVERY["collect"] = settings.collect_seconds
app = Celery("newsletter", broker=settings.broker_url, include=["workers.tasks"])
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    result_backend=None,
    task_ignore_result=True,
    timezone="UTC",
    enable_utc=True,
    task_routes={task: {"queue": queue} for task, queue in QUEUES.items()},
    task_default_queue="maint",
    task_create_missing_queues=True,
    # A task is done again when its worker dies; the rows make that harmless.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_time_limit=_HARD_LIMIT,
    task_annotations={"newsletter.drain": {"time_limit": _SEND_HARD_LIMIT}},
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=500,
    worker_max_memory_per_child=400_000,  # KiB
    worker_soft_shutdown_timeout=9,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_send_task_events=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "global_keyprefix": KEY_PREFIX,
        "visibility_timeout": 2 * _SEND_HARD_LIMIT + 60,
        # Without these two, kombu looks for lost messages only every 100 s.
        "unacked_restore_interval": 15,
        "unacked_restore_throttle": 1,
        "socket_timeout": 15,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 25,
    },
    task_publish_retry_policy={
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.2,
        "interval_max": 0.2,
    },
    beat_schedule={
        name: {
            "task": f"newsletter.{name}",
            "schedule": seconds,
            "options": {"expires": 2 * seconds},
        }
        for name, seconds in _EVERY.items()
    },
    beat_scheduler="celery.beat:Scheduler",  # all entries are due every few seconds: nothing is worth a file
)
