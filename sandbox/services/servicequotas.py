"""Service Quotas: Fargate's; moto has those of VPC only."""

from __future__ import annotations

from typing import Any

from moto.servicequotas.models import ServiceQuotasBackend

from sandbox.aws_api.patch import behaviour

#: Fargate's vCPUs that may run at once, by quota code, as in an account that has grown a little
#: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
FARGATE = {
    "L-3032A538": ("Fargate On-Demand vCPU resource count", 4000.0),
    "L-36FBB829": ("Fargate Spot vCPU resource count", 4000.0),
}


def install() -> None:
    """Attach the quotas."""
    behaviour(ServiceQuotasBackend)(get_service_quota)


def get_service_quota(original: Any, self: ServiceQuotasBackend, service_code: str, quota_code: str) -> Any:
    """Return a quota.

    https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
    """
    if service_code != "fargate" or quota_code not in FARGATE:
        return original(service_code, quota_code)
    name, value = FARGATE[quota_code]
    prefix = f"arn:aws:servicequotas:{self.region_name}:{self.account_id}"
    return {
        "ServiceCode": "fargate",
        "ServiceName": "AWS Fargate",
        "QuotaArn": f"{prefix}:fargate/{quota_code}",
        "QuotaCode": quota_code,
        "QuotaName": name,
        "Value": value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
