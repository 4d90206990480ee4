"""A service's deployment configuration: checked, and with AWS's defaults.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html
"""

from __future__ import annotations

from moto.ecs.exceptions import InvalidParameterException

from sandbox.services.ecs.records.tasks import Document

DEFAULTS: Document = {
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "strategy": "ROLLING",
    "bakeTimeInMinutes": 0,
}
CANARY = {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10}
LINEAR = {"stepPercent": 10.0, "stepBakeTimeInMinutes": 6}
DAY, TWO_WEEKS = 1440, 20160
MAX_HOOKS = 10
PAUSE_STAGES = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
)


def configuration_of(given: Document, before: Document) -> Document:
    """Return the deployment configuration after a call: fields that are not given stay as they were."""
    configuration = before | {k: v for k, v in (given.get("deploymentConfiguration") or {}).items() if v is not None}
    strategy = configuration["strategy"]
    if configuration["maximumPercent"] <= 100 <= configuration["minimumHealthyPercent"]:
        raise InvalidParameterException(
            "maximumPercent and minimumHealthyPercent can not both be 100, as this will block deployments."
        )
    _within("bakeTimeInMinutes", configuration["bakeTimeInMinutes"], 0, DAY)
    for name, defaults, owner in (
        ("canaryConfiguration", CANARY, "CANARY"),
        ("linearConfiguration", LINEAR, "LINEAR"),
    ):
        if strategy == owner:
            configuration[name] = defaults | (configuration.get(name) or {})
        elif name in (given.get("deploymentConfiguration") or {}):
            raise InvalidParameterException(f"{name} is only valid when the deployment strategy is {owner}.")
        else:
            configuration.pop(name, None)
    _check_shares(configuration)
    for hook in configuration.get("lifecycleHooks") or ():
        _check_hook(hook, strategy)
    if len(configuration.get("lifecycleHooks") or ()) > MAX_HOOKS:
        raise InvalidParameterException(f"A service can have a maximum of {MAX_HOOKS} pause hooks.")
    return configuration


def timeout_of(hook: Document) -> tuple[int, str]:
    """Return (minutes, action) of a hook's timeout."""
    timeout = hook.get("timeoutConfiguration") or {}
    return int(timeout.get("timeoutInMinutes", DAY)), str(timeout.get("action", "ROLLBACK"))


def _check_shares(configuration: Document) -> None:
    if canary := configuration.get("canaryConfiguration"):
        _share("canaryPercent", canary["canaryPercent"], 0.1)
        _within("canaryBakeTimeInMinutes", canary["canaryBakeTimeInMinutes"], 0, DAY)
    if linear := configuration.get("linearConfiguration"):
        _share("stepPercent", linear["stepPercent"], 3.0)
        _within("stepBakeTimeInMinutes", linear["stepBakeTimeInMinutes"], 0, DAY)


def _check_hook(hook: Document, strategy: str) -> None:
    kind = hook.get("targetType", "AWS_LAMBDA")
    if kind not in ("AWS_LAMBDA", "PAUSE"):
        raise InvalidParameterException("Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE")
    if kind == "AWS_LAMBDA":
        raise NotImplementedError("lifecycle hooks that call Lambda functions")
    if strategy == "ROLLING":
        raise NotImplementedError("lifecycle hooks of rolling deployments")
    if not hook.get("lifecycleStages"):
        raise InvalidParameterException("lifecycleStages must be provided for a lifecycle hook.")
    if any(stage not in PAUSE_STAGES for stage in hook["lifecycleStages"]):
        raise InvalidParameterException("Invalid lifecycle stage provided for Pause Hook")
    if hook.get("hookTargetArn") or hook.get("roleArn"):
        raise InvalidParameterException("hookTargetArn and roleArn are not allowed for Pause Hook")
    _within("timeoutInMinutes", timeout_of(hook)[0], 1, TWO_WEEKS)


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InvalidParameterException(f"{name} must be between {low:g} and {high:g}.")


def _share(name: str, value: float, low: float) -> None:
    _within(name, value, low, 100.0)
    if abs(value * 10 - round(value * 10)) > 1e-9:
        raise InvalidParameterException(f"{name} must be a multiple of 0.1.")
