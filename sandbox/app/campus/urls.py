"""URLs of the domain."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from campus import views
from campus.heartbeat import HeartbeatView

router = SimpleRouter(trailing_slash=False)
router.register("students", views.StudentViewSet)
router.register("courses", views.CourseViewSet)
router.register("sections", views.SectionViewSet)
router.register("attendance", views.AttendanceViewSet)
router.register("invoices", views.FeeInvoiceViewSet)
router.register("payments", views.PaymentViewSet)

urlpatterns = [
    path("", views.index),
    path("api/login", views.Session.as_view()),
    path("api/heartbeat", HeartbeatView.as_view()),
    path("api/", include(router.urls)),
]
