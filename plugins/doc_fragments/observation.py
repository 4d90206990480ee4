"""Documentation of the options that observe a deployment: ops/release/observation.py has their argument_spec."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  service: {description: Service, type: str, required: true}
  cluster: {description: Cluster, type: str, required: true}
  load_balancer: {description: ARN of the load balancer, type: str, required: true}
  thresholds:
    description: Thresholds of the analysis, which compares green with blue
    type: dict
    default: {}
    suboptions:
      minimum_requests: {description: Requests of green without which nothing is analysed, type: int, default: 300}
      error_percent: {description: Share of 5xx that is allowed, type: float, default: 1.0}
      p95_factor: {description: Times blue's p95, type: float, default: 2.0}
      p95_floor_ms: {description: A p95 below this is never too slow, type: float, default: 50.0}
      cpu_percent: {description: CPU of the service, type: float, default: 90.0}
  alarms:
    description: Alarms that are reported while their state is ALARM. They roll nothing back
    type: list
    elements: str
    default: []
  startup_timeout_seconds: {description: Seconds in which green must have started, type: float, default: 600}
  grace_seconds: {description: "The service's health check grace period, for messages", type: int, default: 0}
  memory: {description: "Memory of a task in MiB, for messages", type: int, default: 0}
  log_group: {description: "Log group of the tasks, for messages", type: str, default: ""}
  minute_seconds: {description: "Seconds of a minute of ECS's and CloudWatch's", type: float, default: 60}
"""
