"""Gunicorn's configuration."""

import os
from functools import partial
from typing import Any

from campshub360.health import readiness
from campshub360.logs import GunicornLogger
from campshub360.warmup import warm_up

bind = f"0.0.0.0:{os.environ['PORT']}"
worker_class = "gthread"
workers = 1  # a task is the unit of scaling
threads = int(os.environ["WEB_THREADS"])
keepalive = 75  # longer than the load balancer's 60 s, so that it is never us who hangs up
graceful_timeout = 25  # shorter than the task's stopTimeout of 60 s
worker_tmp_dir = "/dev/shm"  # the heartbeat file must not wait for a disk
control_socket_disable = True
accesslog = "-"
logger_class = GunicornLogger


def post_worker_init(worker: Any) -> None:
    """Start the warm-up: the worker has loaded the application and accepts no connection yet."""
    readiness.start(partial(warm_up, worker.tpool, threads, worker.wsgi))
