"""URLs, except health checks, which answer before host names and sessions are read."""

from django.urls import include, path

from campus import urls as campus

urlpatterns = [path("", include(campus))]
