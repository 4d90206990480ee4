"""`seed [--students N] [--days N]`: create invented data, the same every time."""

import argparse

from campshub360 import logs
from campus import seeding


def run(options: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="seed")
    parser.add_argument("--students", type=int, default=2000)
    parser.add_argument("--days", type=int, default=60, help="school days of attendance")
    arguments = parser.parse_args(options)
    logs.info("seeded", created=seeding.seed(arguments.students, arguments.days))
    return 0
