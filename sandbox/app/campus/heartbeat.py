"""/api/heartbeat, which probes write to and read back, to tell lost writes from slow ones."""

import hmac
import time

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Max, Min, Window
from django.db.models.functions import Lag
from rest_framework import exceptions, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campus.models import Heartbeat

GAPS_SHOWN = 1000


class BearerToken(BaseAuthentication):
    """Authenticate by `Authorization: Bearer HEARTBEAT_TOKEN`."""

    def authenticate(self, request: Request) -> tuple[None, bool]:
        sent = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(sent, f"Bearer {settings.ENVIRONMENT.heartbeat_token}".encode()):
            raise exceptions.AuthenticationFailed("Send Authorization: Bearer HEARTBEAT_TOKEN.")
        return None, True

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class Beat(serializers.Serializer):
    probe = serializers.CharField(max_length=64)
    sequence = serializers.IntegerField(min_value=0, max_value=2**63 - 1)
    hold_ms = serializers.IntegerField(min_value=0, max_value=5000, default=0)


class Probe(serializers.Serializer):
    probe = serializers.CharField(max_length=64)


class HeartbeatView(APIView):
    authentication_classes = (BearerToken,)
    permission_classes = ()
    throttle_classes = ()  # a probe that is refused measures nothing

    def post(self, request: Request) -> Response:
        """Write a beat: 201 if it is new, 200 if it exists. The answer can be delayed."""
        beat = Beat(data=request.data)
        beat.is_valid(raise_exception=True)
        hold_ms = beat.validated_data.pop("hold_ms")
        values = [beat.validated_data["probe"], beat.validated_data["sequence"]]
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO campus_heartbeat (probe, sequence, received) VALUES (%s, %s, now())"
                " ON CONFLICT DO NOTHING",
                values,
            )
            status = 201 if cursor.rowcount else 200
        time.sleep(hold_ms / 1000)  # it is committed: whoever loses the answer has not lost the beat
        return Response(beat.validated_data, status=status)

    def get(self, request: Request) -> Response:
        """Return the number of beats of ?probe=..., the first, the last, and the gaps between them."""
        probe = Probe(data=request.query_params)
        probe.is_valid(raise_exception=True)
        beats = Heartbeat.objects.filter(**probe.validated_data)
        found = beats.aggregate(count=Count("id"), first=Min("sequence"), last=Max("sequence"))
        before = Window(Lag("sequence"), order_by="sequence")
        gaps = beats.annotate(before=before).filter(sequence__gt=F("before") + 1).values_list("before", "sequence")
        missing = found["last"] - found["first"] + 1 - found["count"] if found["count"] else 0
        return Response(
            {
                **probe.validated_data,
                **found,
                "missing": missing,
                "gaps": [[before + 1, after - 1] for before, after in gaps[:GAPS_SHOWN]],
            }
        )
