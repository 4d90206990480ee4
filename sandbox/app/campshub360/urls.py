"""Addresses, but for health checks: those answer before any host name or session is looked at."""

from django.urls import include, path

from campus import urls as campus

urlpatterns = [path("", include(campus))]
