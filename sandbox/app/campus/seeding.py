"""Invented data: the same arguments create the same rows, and a second run adds none."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Model

from campus.listcache import forget_lists
from campus.models import Attendance, Course, FeeInvoice, Payment, Section, Student

TERM, FIRST_DAY = "2026-autumn", date(2026, 9, 1)
PROBE_USER = "probe"
COURSES = ("Algebra", "Biology", "Chemistry", "Drawing", "Economics", "French", "Geography")
PROGRAMMES = ("Science", "Commerce", "Arts", "Engineering")
FIRST_NAMES = ("Asha", "Bilal", "Chen", "Dara", "Elif", "Femi", "Grace", "Hugo", "Ines", "Jonas")
LAST_NAMES = ("Adeyemi", "Bauer", "Costa", "Dutta", "Eriksen", "Fofana", "Gupta")


def seed(students: int, days: int) -> dict[str, int]:
    """Create students, a course load, `days` school days of attendance, and fees; return the rows added."""
    models = (Student, Course, Section, Attendance, FeeInvoice, Payment)
    before = {model: model.objects.count() for model in models}
    add(Course(code=f"C{n:03}", title=title) for n, title in enumerate(COURSES, 1))
    courses = Course.objects.order_by("code")
    add(Section(course=course, term=TERM, teacher=f"Dr. {LAST_NAMES[n % 7]}") for n, course in enumerate(courses))
    add(student(n) for n in range(1, students + 1))
    attendance(list(islice(school_days(), days)))
    add(invoice(one) for one in Student.objects.filter(number__startswith="S"))
    add(
        Payment(invoice=one, reference=f"P-{one.number}", amount=one.amount, received=one.due)
        for one in FeeInvoice.objects.filter(term=TERM)
        if one.student_id % 3
    )
    probe_user()
    for model in models:
        forget_lists(model)
    return {model.__name__: model.objects.count() - before[model] for model in models}


def add(rows: Iterator[Model]) -> None:
    found = list(rows)
    if found:
        type(found[0]).objects.bulk_create(found, batch_size=1000, ignore_conflicts=True)


def student(n: int) -> Student:
    first, last = FIRST_NAMES[n % len(FIRST_NAMES)], LAST_NAMES[n // 10 % len(LAST_NAMES)]
    return Student(
        number=f"S{n:06}",
        name=f"{first} {last}",
        email=f"s{n:06}@campshub360.example",
        programme=PROGRAMMES[n % len(PROGRAMMES)],
    )


def invoice(of: Student) -> FeeInvoice:
    return FeeInvoice(
        number=f"F-{TERM}-{of.number}",
        student=of,
        term=TERM,
        amount=Decimal(900 + 50 * (of.id % 5)),
        due=FIRST_DAY + timedelta(days=30),
    )


def school_days() -> Iterator[date]:
    day = FIRST_DAY
    while True:
        if day.weekday() < 5:
            yield day
        day += timedelta(days=1)


def attendance(days: list[date]) -> None:
    """Create attendance: each student attends one section; one statement a section, run by the server alone."""
    sections = list(Section.objects.filter(term=TERM).order_by("id").values_list("id", flat=True))
    for n, section in enumerate(sections):
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO campus_attendance (student_id, section_id, date, status)
                SELECT s.id, %s, day, (ARRAY['absent', 'late', 'present'])
                    [least(3, 1 + (substr(s.number, 2)::int * 7 + day_number * 13) %% 20)]
                FROM campus_student s, unnest(%s::date[]) WITH ORDINALITY AS d (day, day_number)
                WHERE s.number LIKE 'S%%' AND substr(s.number, 2)::int %% %s = %s
                ON CONFLICT DO NOTHING
                """,
                [section, days, len(sections), n],
            )


def probe_user() -> None:
    """Create the account that probes log in with; they have the heartbeat token anyway."""
    user, _ = get_user_model().objects.get_or_create(username=PROBE_USER)
    user.set_password(settings.ENVIRONMENT.heartbeat_token)
    user.save()
