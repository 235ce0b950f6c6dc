"""Texts that mean something to a terminal, markdown, html, LaTeX or a spreadsheet."""

from hypothesis import strategies as st

PIECES = (
    *("|", "\\", "`", "*", "**", "_", "__", "~~", "$", "#", "## ", "> ", "- ", "+ ", "1. ", "1) "),
    *("<b>", "</script>", "<!-- benchbench leaderboard: end -->", "&lt;", "&#65;", "&", "%", "{"),
    *("}", "[a](b)", "![a](b)", "[a]: b", "[x] ", "[/x]", "[bold]", "---", "***", "===", "~"),
    *("\n", "\r\n", "\t", "\x1b[31m", "\x9b2J", "\x07", "\x00", "\u202e", "\u2028", "\udcdf"),
    *(
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        ",",
        ";",
        '"',
        "'",
        " ",
        "  ",
        "name",
        "größe",
        "猫",
        "\ufeff",
    ),
)

TEXTS = st.lists(st.sampled_from(PIECES) | st.text(st.characters(), max_size=4), max_size=6).map(
    "".join
)
"""What a name from outside may be, be it meant or not."""

EVERY_PIECE = "".join(PIECES)


def unicode(text: str) -> str:
    """A text without halves of characters, which a manifest and a frame of pandas cannot hold."""
    return text.encode("utf-8", errors="ignore").decode("utf-8")


UNICODE_TEXTS = TEXTS.map(unicode)


def words(text: str) -> list[str]:
    """A text without its spaces, which no table keeps."""
    return text.split()
