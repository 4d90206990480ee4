"""`collectstatic`: upload this release's static files and their manifest to the bucket."""

from io import StringIO

from django.core.management import call_command

from campshub360 import logs


def run(options: list[str]) -> int:
    output = StringIO()
    call_command("collectstatic", interactive=False, verbosity=1, stdout=output)
    logs.info("static files collected", detail=output.getvalue().strip())
    return 0
