"""The image's entry point: `serve`, or one of the one-off commands.

Exit codes: 0 done, 1 failed, 2 not started (unknown command or option, incomplete environment).
"""

import os
import sys
from importlib import import_module

import django

from campshub360 import logs
from campshub360.environment import (
    ConfigurationError,
    Environment,
    MigrationEnvironment,
    read,
)

COMMANDS = ("serve", "migrate", "collectstatic", "verify", "seed")


def main(arguments: list[str]) -> int:
    logs.configure()
    command = arguments[0] if arguments else "serve"
    if command not in COMMANDS:
        logs.error("unknown command", command=command, commands=COMMANDS)
        return 2
    try:
        read(MigrationEnvironment if command == "migrate" else Environment)
    except ConfigurationError as incomplete:
        logs.error("environment incomplete", detail=str(incomplete))
        return 2
    os.environ["DJANGO_SETTINGS_MODULE"] = "campshub360.settings"
    if command == "serve":
        serve()
    return run(command, arguments[1:])


def serve() -> None:
    """Replace this process by Gunicorn, so that it is process 1 and gets SIGTERM."""
    gunicorn = ("-m", "gunicorn", "--config", "python:campshub360.server", "campshub360.wsgi")
    os.execv(sys.executable, (sys.executable, *gunicorn))


def run(command: str, options: list[str]) -> int:
    django.setup(set_prefix=False)
    try:
        return import_module(f"campshub360.commands.{command}").run(options)
    except Exception as failure:
        logs.exception(f"{command} failed", detail=str(failure).strip())
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
