"""Reasons why a task could not be started, in the ECS agent's words."""

from __future__ import annotations

import json


class TaskStartError(Exception):
    """A task can't be started; the message becomes its stoppedReason.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
    """


def cannot_pull(reference: str, why: str = "not found") -> TaskStartError:
    """Return the error for an image that can't be pulled.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
    """
    return TaskStartError(
        "CannotPullContainerError: pull image manifest has been retried 1 time(s):"
        f" failed to resolve ref {reference}: {reference}: {why}"
    )


def cannot_read_secret(why: str) -> TaskStartError:
    """Return the error for a secret that can't be read.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html
    """
    return TaskStartError(
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource"
        " retrieval failed: unable to retrieve secret from asm: service call has been retried 1"
        f" time(s): {why}"
    )


def cannot_log(why: str) -> TaskStartError:
    """Return the error for a log stream that can't be created.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html
    """
    return TaskStartError(
        "ResourceInitializationError: failed to validate logger args: create stream has been"
        f" retried 1 times: failed to create Cloudwatch log stream: {why} : exit status 1"
    )


def cannot_start(program: str) -> TaskStartError:
    """Return the error for a program that the image does not have.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cannotstartcontainererror.html
    """
    return TaskStartError(
        "CannotStartContainerError: ResourceInitializationError: failed to create new container"
        " runtime task: OCI runtime create failed: unable to start container process: exec:"
        f" {json.dumps(program)}: executable file not found in $PATH: unknown"
    )


def cannot_assume(role_arn: str) -> TaskStartError:
    """Return the error for a role that ECS tasks may not assume.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    """
    return TaskStartError(
        f"ECS was unable to assume the role '{role_arn}' that was provided for this task. Please"
        " verify that the role being passed has the proper trust relationship and permissions and"
        " that your IAM user has permissions to pass this role."
    )
