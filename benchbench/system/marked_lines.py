"""Generated text within a file of somebody's own: it stands between two marked lines."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class MarkedLines:
    """The two lines of a markdown file between which the text of a command stands.

    command: as in `benchbench leaderboard`; the text around the lines is not the command's.
    """

    command: str

    @property
    def begin(self) -> str:
        return f"<!-- {self.command}: begin -->"

    @property
    def end(self) -> str:
        return f"<!-- {self.command}: end -->"

    def around(self, text: str) -> str:
        """The lines with this text between them."""
        return f"{self.begin}\n\n{text}\n{self.end}"

    def replaced(self, content: str, text: str) -> str | None:
        """The content of a file with this text in place of the old one; None without the lines."""
        between = f"^{re.escape(self.begin)}[ \t]*$.*?^{re.escape(self.end)}"
        found = re.search(between, content, re.MULTILINE | re.DOTALL)
        if found is None:
            return None
        return content[: found.start()] + self.around(text) + content[found.end() :]
