"""Tags as AWS stores them: as text. The numbers and truth values that YAML reads would differ at every run (pure).

https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules_creating
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# Tags that the platform sets itself: Stack finds a resource, Tier distinguishes subnets, Name is for people.
PLATFORM_TAGS = ("Stack", "Name", "Tier")
ALLOWED = re.compile(r"[\w .:/=+\-@]*")
KEY_LENGTH, VALUE_LENGTH, MAX_TAGS = 128, 256, 50


def aws_text(value: Any) -> str:
    """Return a value as AWS stores it: true and false in lower case, else as it is written."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def aws_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return a mapping with its values as AWS stores them."""
    return {str(name): aws_text(value) for name, value in values.items()}


def tags_from(pairs: Iterable[Mapping[str, str]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Return AWS's list of tags as a dictionary, without those that AWS sets itself (`aws:...`)."""
    return {pair[key]: pair[value] for pair in pairs if not pair[key].startswith("aws:")}


def tags_to(tags: Mapping[str, Any], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Return a dictionary of tags as AWS's list, sorted by key."""
    return [{key: name, value: aws_text(text)} for name, text in sorted(tags.items())]


def resource_tags(tags: Mapping[str, Any], stack: str) -> dict[str, str]:
    """Return the tags of a stack's resources: the given ones as text, and `Stack`."""
    return {**aws_texts(tags), "Stack": stack}


def tag_errors(tags: Mapping[str, Any], stack: str) -> Iterator[str]:
    """Yield why these tags are refused, by the rules of the strictest service that gets them."""
    allowed = MAX_TAGS - len(PLATFORM_TAGS)
    if len(tags) > allowed:
        yield f"{len(tags)} are more than {allowed}: a resource has {MAX_TAGS} at most, with the platform's own"
    for key, count in Counter(str(key).lower() for key in tags).items():
        if count > 1:
            yield f"{key} is there in several spellings, which IAM takes for one"
    for key, value in tags.items():
        yield from key_errors(str(key), value, stack)
        yield from value_errors(str(key), value)


def key_errors(key: str, value: Any, stack: str) -> Iterator[str]:
    """Yield why a tag's key is refused."""
    own = next((name for name in PLATFORM_TAGS if name.lower() == key.lower()), None)
    if own and not (key == "Stack" and value == stack):
        yield f"{key} is set by the platform itself, which finds and names its resources by it"
    if key.lower().startswith("aws:"):
        yield f"{key} begins with aws:, which is AWS's own"
    if not 0 < len(key) <= KEY_LENGTH or not ALLOWED.fullmatch(key) or key != key.strip():
        yield f"the key {key!r} has not 1 to {KEY_LENGTH} letters, digits, spaces inside and . : / = + - @ _"


def value_errors(key: str, value: Any) -> Iterator[str]:
    """Yield why a tag's value is refused."""
    if isinstance(value, float):
        yield f"the value of {key} is a number with a point, of which YAML keeps {value}: put it into quotes"
    elif value is None or isinstance(value, list | dict):
        yield f"the value of {key} is {'empty' if value is None else 'no text'}: put it into quotes"
    elif len(text := aws_text(value)) > VALUE_LENGTH or not ALLOWED.fullmatch(text):
        yield f"the value of {key} has not up to {VALUE_LENGTH} letters, digits, spaces and . : / = + - @ _"
