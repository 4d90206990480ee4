"""Lists, filtered by query parameters, in pages."""

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework import exceptions
from rest_framework.filters import BaseFilterBackend
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView


class Pages(CursorPagination):
    """Pages by cursor, newest first: a page costs the same however deep it is, and counts no rows."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


PAGING = {Pages.cursor_query_param, Pages.page_size_query_param}


class LookupFilter(BaseFilterBackend):
    """Filter by the view's `lookups` (?section=4&date__gte=2026-09-01), and by no others."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: APIView) -> QuerySet:
        lookups = {name: value for name, value in request.query_params.items() if name not in PAGING}
        if unknown := lookups.keys() - set(view.lookups):
            known = ", ".join(view.lookups)
            raise exceptions.ValidationError(f"No filter {', '.join(sorted(unknown))}; use {known}.")
        try:
            return queryset.filter(**lookups)
        except (ValueError, ValidationError) as error:
            raise exceptions.ValidationError(f"Filter not understood: {error}") from error
