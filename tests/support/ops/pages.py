"""What a browser makes of a page: its elements, and what would run or be loaded."""

from __future__ import annotations

from html.parser import HTMLParser

HOSTILE = "</style><script>alert(1)</script><img src=x onerror=alert(1)>\"'{{ 7 * 7 }}{% raw %}\x00\x1b[31m"


class Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.active: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)

    @property
    def text(self) -> str:
        return " ".join(self.texts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag in ("script", "img", "iframe", "link", "object"):
            self.active.append(tag)
        self.active += [name for name, _ in attrs if name.startswith("on") or name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if self.elements[-1:] != ["style"] and data.strip():
            self.texts.append(" ".join(data.split()))
