"""What is below a folder or in an archive: images, files that are something else, and riddles."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchbench.datasets.integrity.checks import plural, some
from benchbench.datasets.reading.endings import ending_of, may_be_image
from benchbench.datasets.reading.file_tree import FileTree, TreeFile, UnreadableImageError, shown
from benchbench.datasets.reading.parallel import in_parallel
from benchbench.datasets.reading.walking import is_hidden

PLAIN_ENDING = re.compile(r"\.[\w-]{1,12}")


@dataclass(frozen=True)
class Contents:
    """Every file of a tree is an image, unreadable or ignored.

    images: the names of files with the ending or the content of an image, in alphabetical order.
    unreadable: files and folders that may not be read, as `shown`. ignored, by_content: how many
    of each kind are no images, and how many are images by their content alone. repeated: links to
    folders that were not followed, as `shown`.
    """

    images: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    by_content: Counter[str] = field(default_factory=Counter)
    repeated: list[str] = field(default_factory=list)

    def remarks(self, but: Sequence[str] = ()) -> list[str]:
        """What was left out or guessed, a sentence each. but: files that were of use after all."""
        found = []
        ignored = self.ignored - Counter(map(_kind, but))
        if count := ignored.total():
            what = plural(count, "file is no image and was", "files are no images and were")
            found.append(f"{what} ignored: {_listed(ignored)}.")
        if count := self.by_content.total():
            what = plural(count, "file is an image", "files are images")
            found.append(f"{what} by content alone: {_listed(self.by_content)}.")
        if count := len(self.repeated):
            what = plural(count, "link to a folder was", "links to folders were")
            reason = "for what it leads to is read anyway or holds the link"
            found.append(f"{what} not followed, {reason}: {some(self.repeated)}.")
        if odd := [shown(name) for name in self.images if shown(name) != name]:
            what = plural(len(odd), "image has a name", "images have names")
            found.append(f"{what} with bytes that are not UTF-8, shown by number: {some(odd)}.")
        return found

    def unread_folders(self) -> list[str]:
        """What is said of folders that may not be read, for no one knows what they hold."""
        folders = [name for name in self.unreadable if name.endswith("/")]
        if not folders:
            return []
        what = plural(len(folders), "folder", "folders")
        return [f"{what} may not be read, any class or image inside is missing: {some(folders)}."]


def contents_of(tree: FileTree) -> Contents:
    """Look at the names of all files, and into those that have no ending, or that of no image."""
    left_out = tree.left_out
    found = Contents(
        images=tree.image_names(),
        unreadable=[shown(name) for name in left_out.unreadable if not is_hidden(name[:-1])],
        ignored=Counter({"devices and pipes": tree.special} if tree.special else {}),
        repeated=[shown(name) for name in left_out.repeated],
    )
    known = set(found.images)
    doubtful = [name for name in tree.names if not is_hidden(name) and name not in known]
    if hidden := len(tree.names) - len(known) - len(doubtful):
        found.ignored["hidden"] = hidden
    answers = in_parallel(lambda name: _is_image(tree, name), doubtful)
    for name, is_image in zip(doubtful, answers, strict=True):
        if is_image is None:
            found.unreadable.append(shown(name))
        else:
            (found.by_content if is_image else found.ignored)[_kind(name)] += 1
            found.images.extend([name] * is_image)
    found.images.sort()
    return found


def _is_image(tree: FileTree, name: str) -> bool | None:
    """Whether the content is an image; None if it may not be read."""
    try:
        if not may_be_image(tree.start(name), ending_of(name)):
            return False
        TreeFile(tree, name).header()
    except OSError:
        return None
    except UnreadableImageError:
        return False
    return True


def _kind(name: str) -> str:
    ending = ending_of(name)
    if not ending:
        return "without an ending"
    return ending if PLAIN_ENDING.fullmatch(ending) else "of odd endings"


def _listed(kinds: Counter[str]) -> str:
    """`3 .txt, 1 hidden`."""
    ordered = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    return some([f"{count} {kind}" for kind, count in ordered])
