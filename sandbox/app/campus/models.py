"""Students, courses, attendance and fees; and the heartbeats of probes."""

from typing import ClassVar

from django.db import models
from django.db.models import CASCADE, PROTECT, UniqueConstraint


class Student(models.Model):
    number = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=100)
    email = models.EmailField()
    programme = models.CharField(max_length=60, db_index=True)
    active = models.BooleanField(default=True)


class Course(models.Model):
    code = models.CharField(max_length=12, unique=True)
    title = models.CharField(max_length=100)


class Section(models.Model):
    """A course as it is taught in a term, by one teacher."""

    course = models.ForeignKey(Course, on_delete=CASCADE, related_name="sections")
    term = models.CharField(max_length=12)
    teacher = models.CharField(max_length=100)

    class Meta:
        constraints: ClassVar = [UniqueConstraint(fields=["course", "term", "teacher"], name="section_once")]


class Attendance(models.Model):
    class Status(models.TextChoices):
        PRESENT = "present"
        LATE = "late"
        ABSENT = "absent"

    student = models.ForeignKey(Student, on_delete=CASCADE, related_name="attendance")
    section = models.ForeignKey(Section, on_delete=CASCADE, related_name="attendance")
    date = models.DateField()
    status = models.CharField(max_length=7, choices=Status)

    class Meta:
        constraints: ClassVar = [UniqueConstraint(fields=["student", "section", "date"], name="attendance_once")]
        indexes: ClassVar = [models.Index(fields=["section", "date"])]


class FeeInvoice(models.Model):
    number = models.CharField(max_length=24, unique=True)
    student = models.ForeignKey(Student, on_delete=PROTECT, related_name="invoices")
    term = models.CharField(max_length=12)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    due = models.DateField(db_index=True)


class Payment(models.Model):
    """A payment. Its reference is the payer's: sent twice, it is booked once."""

    invoice = models.ForeignKey(FeeInvoice, on_delete=PROTECT, related_name="payments")
    reference = models.CharField(max_length=40, unique=True)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    received = models.DateField()


class Heartbeat(models.Model):
    probe = models.CharField(max_length=64)
    sequence = models.BigIntegerField()
    received = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [UniqueConstraint(fields=["probe", "sequence"], name="heartbeat_once")]
