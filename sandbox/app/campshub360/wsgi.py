"""The WSGI application, which Gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from campshub360 import logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "campshub360.settings")
logs.configure()
application = get_wsgi_application()
