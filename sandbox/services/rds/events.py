"""Events of DB instances that moto lacks, with RDS's messages.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
"""

from __future__ import annotations

from moto.rds.models import Event

EVENTS = {
    "DB_INSTANCE_FAILOVER_START": ("failover", "Multi-AZ instance failover started."),
    "DB_INSTANCE_FAILOVER_FINISH": ("failover", "Multi-AZ instance failover completed."),
    "DB_INSTANCE_RESTARTED": ("availability", "DB instance restarted."),
}


def install() -> None:
    """Allow instances to add these events."""
    for name, (category, message) in EVENTS.items():
        Event.EVENT_MAP[name] = {"Categories": [category], "Message": message}
