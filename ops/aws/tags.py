"""Values and tags as AWS keeps them: text. What YAML gives (4711, true) would differ from it for ever (pure).

https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules_creating
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

# Found by Stack, told apart by Tier, shown by Name: the platform sets these itself.
OWN = ("Stack", "Name", "Tier")
ALLOWED = re.compile(r"[\w .:/=+\-@]*")
KEY_LENGTH, VALUE_LENGTH, MOST = 128, 256, 50


def aws_text(value: Any) -> str:
    """Return a value as AWS takes it and shows it again: true and false in lower case, else as it is written."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def aws_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return a mapping with its values as AWS shows them again."""
    return {str(name): aws_text(value) for name, value in values.items()}


def resource_tags(tags: Mapping[str, Any], stack: str) -> dict[str, str]:
    """Return the tags of every resource of a stack: the given ones as text, and the one by which it is found."""
    return {**aws_texts(tags), "Stack": stack}


def tag_problems(tags: Mapping[str, Any], stack: str) -> Iterator[str]:
    """Yield what forbids these tags, by the rules of the strictest of the services that get them."""
    if len(tags) > MOST - len(OWN):
        yield f"{len(tags)} are more than {MOST - len(OWN)}: a resource has {MOST} at most, with the platform's own"
    for key, count in Counter(str(key).lower() for key in tags).items():
        if count > 1:
            yield f"{key} is there in several spellings, which IAM takes for one"
    for key, value in tags.items():
        yield from key_problems(str(key), value, stack)
        yield from value_problems(str(key), value)


def key_problems(key: str, value: Any, stack: str) -> Iterator[str]:
    own = next((name for name in OWN if name.lower() == key.lower()), None)
    if own and not (key == "Stack" and value == stack):
        yield f"{key} is set by the platform itself, which finds and names its resources by it"
    if key.lower().startswith("aws:"):
        yield f"{key} begins with aws:, which is AWS's own"
    if not 0 < len(key) <= KEY_LENGTH or not ALLOWED.fullmatch(key) or key != key.strip():
        yield f"the key {key!r} has not 1 to {KEY_LENGTH} letters, digits, spaces inside and . : / = + - @ _"


def value_problems(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, float):
        yield f"the value of {key} is a number with a point, of which YAML keeps {value}: put it into quotes"
    elif value is None or isinstance(value, list | dict):
        yield f"the value of {key} is {'empty' if value is None else 'no text'}: put it into quotes"
    elif len(text := aws_text(value)) > VALUE_LENGTH or not ALLOWED.fullmatch(text):
        yield f"the value of {key} has not up to {VALUE_LENGTH} letters, digits, spaces and . : / = + - @ _"
