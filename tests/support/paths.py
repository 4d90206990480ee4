"""Where a checkout may lie: a folder's name with all that some language takes for its own."""

from __future__ import annotations

#: as a folder of pictures may be called; quotes, escapes, comments, formats and other letters than English ones
STRANGE = "it's 100% #1 ü\\x " + "and more " * 12
