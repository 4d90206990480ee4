"""The API: one viewset a model, login, and the first page."""

import logging

from django.contrib.auth import authenticate, login, logout
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.templatetags.static import static
from rest_framework import exceptions, serializers, viewsets
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campus import models
from campus.filtering import LookupFilter, Pages
from campus.listcache import CachedListMixin, forget_lists
from campus.throttling import LoginThrottle

log = logging.getLogger(__name__)


def plain(of: type) -> type[serializers.ModelSerializer]:
    """Return a serializer with all fields of a model."""
    meta = type("Meta", (), {"model": of, "fields": "__all__"})
    return type(f"{of.__name__}Serializer", (serializers.ModelSerializer,), {"Meta": meta})


class ModelViewSet(CachedListMixin, viewsets.ModelViewSet):
    filter_backends = (LookupFilter,)
    pagination_class = Pages
    lookups: tuple[str, ...] = ()


class StudentViewSet(ModelViewSet):
    queryset = models.Student.objects.all()
    serializer_class = plain(models.Student)
    lookups = ("number", "programme", "active", "name__istartswith")


class CourseViewSet(ModelViewSet):
    queryset = models.Course.objects.all()
    serializer_class = plain(models.Course)
    lookups = ("code",)


class SectionViewSet(ModelViewSet):
    queryset = models.Section.objects.all()
    serializer_class = plain(models.Section)
    lookups = ("course", "term")


class AttendanceViewSet(ModelViewSet):
    queryset = models.Attendance.objects.all()
    serializer_class = plain(models.Attendance)
    lookups = ("student", "section", "status", "date", "date__gte", "date__lte")


class FeeInvoiceSerializer(plain(models.FeeInvoice)):
    paid = serializers.DecimalField(max_digits=10, decimal_places=2, read_only=True, default=0)


class FeeInvoiceViewSet(ModelViewSet):
    queryset = models.FeeInvoice.objects.annotate(paid=Sum("payments__amount", default=0))
    serializer_class = FeeInvoiceSerializer
    lookups = ("student", "term", "due__lte")


class PaymentViewSet(ModelViewSet):
    http_method_names = ("get", "post", "head", "options")  # no payment is changed or deleted
    queryset = models.Payment.objects.all()
    serializer_class = plain(models.Payment)
    lookups = ("invoice", "reference", "received__gte")

    def perform_create(self, serializer: serializers.ModelSerializer) -> None:
        super().perform_create(serializer)
        forget_lists(models.FeeInvoice)  # they show what was paid


class Credentials(serializers.Serializer):
    username = serializers.CharField()
    password = serializers.CharField(trim_whitespace=False)


class Session(APIView):
    """POST logs in, GET returns the user, DELETE logs out. Writes need the cookie and its CSRF token."""

    def get_permissions(self) -> list:
        return [AllowAny()] if self.request.method == "POST" else super().get_permissions()

    def get_throttles(self) -> list:
        return [LoginThrottle()] if self.request.method == "POST" else super().get_throttles()

    def get(self, request: Request) -> Response:
        return Response({"username": request.user.get_username(), "csrf_token": get_token(request)})

    def post(self, request: Request) -> Response:
        credentials = Credentials(data=request.data)
        credentials.is_valid(raise_exception=True)
        user = authenticate(request, **credentials.validated_data)
        if user is None:
            raise exceptions.PermissionDenied("User name or password is wrong.")
        login(request, user)
        return Response({"username": user.get_username(), "csrf_token": get_token(request)})

    def delete(self, request: Request) -> Response:
        logout(request)
        return Response(status=204)


def index(request: HttpRequest) -> HttpResponse:
    """Return the first page; without its style sheet if the bucket can't be read."""
    try:
        style = static("campus/style.css")
    except Exception:
        log.warning("The static files of this release were not found: run collectstatic.")
        style = None
    return render(request, "campus/index.html", {"style": style})
