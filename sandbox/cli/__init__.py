"""The `sandbox` command."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from sandbox import faults
from sandbox.config import Settings, SettingsError

DESCRIPTION = """A local AWS with a real data plane: no Docker, no root, no account.

Environment:
  SANDBOX_DIR     folder of everything it writes   (default: .sandbox in the checkout)
  SANDBOX_NET     first half of its addresses      (default: 127.36)
  SANDBOX_MINUTE  seconds that an AWS minute lasts (default: 2)
  SANDBOX_FAULTS  what --faults says               (default: none)

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the sandbox is not running."""


class CommandError(Exception):
    """A command failed; the message says why and names the cure. `code`: the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    command = importlib.import_module(f"sandbox.cli.{arguments.command}")
    try:
        return int(command.run(arguments, Settings.from_environment()))
    except SettingsError as error:
        code, message = 2, str(error)
    except CommandError as error:
        code, message = error.code, str(error)
    except TimeoutError as error:
        code, message = 1, str(error)
    except BrokenPipeError:  # `sandbox logs app | head`
        return 0
    except KeyboardInterrupt:
        code, message = 130, "interrupted"
    print(f"sandbox {arguments.command}: {message}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")

    up = add("up", "start the sandbox and return when it is ready; safe to run twice")
    up.add_argument(
        "--faults",
        nargs="?",
        const=faults.DEFAULT,
        metavar="PERCENT",
        help=f"throttle or fail some API calls, as AWS does (without a value: {faults.DEFAULT})",
    )
    up.add_argument("--seed", type=int, default=0, help="seed of the faults: the same seed gives the same faults")
    add("down", "stop the sandbox: end all processes, delete all files but built images")
    add("status", "show the API, the processes and the endpoints on one screen")
    add("env", 'print the environment for a shell: eval "$(sandbox env)"')
    logs = add("logs", "list the logs, or print one")
    logs.add_argument("name", nargs="?", help="which log (without: the list of them)")
    logs.add_argument("-f", "--follow", action="store_true", help="follow the log as it grows")
    add("url", "print the URL of the application, and nothing else")
    interrupt = add("interrupt", "interrupt a task on Spot capacity, as AWS does")
    interrupt.add_argument("task", help="the task's id or ARN; it runs on FARGATE_SPOT")
    connect = add("connect", "print commands that connect to what runs in it")
    connect.add_argument("what", nargs="?", choices=("database", "cache", "app"))
    image = add("image", "build container images without Docker")
    actions = image.add_subparsers(dest="action", required=True, metavar="ACTION")
    text = "build a folder with a Dockerfile and push it to ECR"
    build = actions.add_parser("build", help=text, description=f"{text.capitalize()}.")
    build.add_argument("folder", help="the folder, for example sandbox/app")
    build.add_argument("--tag", required=True, help="the image's tag, for example 1.0.0")
    build.add_argument("--repository", help="the ECR repository (default: the only one there is)")
    return parser
