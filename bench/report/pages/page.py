"""A page of the site: what its template is filled with, and what a search looks through."""

import html
import re
from dataclasses import dataclass

WORDS = 4000  # of a page that can be searched


@dataclass(frozen=True)
class Page:
    """One page: its file's stem, its title, and the HTML of its body."""

    name: str
    title: str
    body: str

    @property
    def text(self):
        """What a search looks through."""
        plain = re.sub(r"<(script|style|math)\b.*?</\1>|<[^>]+>", " ", self.body, flags=re.S)
        return " ".join(html.unescape(plain).split()[:WORDS])
