"""Sources that are published as a folder of images per class."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from benchbench.datasets.meta_dataset.readers.layout import Published, TreeFile
from benchbench.datasets.meta_dataset.spec import SourceFiles
from benchbench.datasets.reading.file_tree import FileTree


def read_class_folders(
    published: Published, folders: Mapping[str, str], around: Sequence[str]
) -> SourceFiles:
    """The images of class folders, by file name.

    folders: class names by what the class's folder is called; around: what the class folders may
    lie in, the best first. Raises BenchbenchError where no tree has any.
    """
    for tree in published.trees():
        found = class_folders(tree, folders, around)
        if found:
            images = {
                name: [TreeFile(tree, file) for file in found.get(folder, ())]
                for folder, name in folders.items()
            }
            return SourceFiles(images, TreeFile.image)
    raise published.refusal(f"{published.path} has no folder of a class, such as {min(folders)}/")


def class_folders(
    tree: FileTree, wanted: Collection[str], around: Sequence[str]
) -> dict[str, list[str]]:
    """The images that lie in folders of these names, by folder, in the order of their names.

    Where several places have such folders, the one that `around` names first is taken, then the
    one with most of them, then the shallowest.
    """
    places: dict[str, dict[str, list[str]]] = {}
    for name in tree.image_names():
        place, _, folder = name.rpartition("/")[0].rpartition("/")
        if folder in wanted:
            places.setdefault(place, {}).setdefault(folder, []).append(name)

    def rank(place: str) -> tuple[int, int, int, str]:
        known = (at for at, end in enumerate(around) if f"/{place}".endswith(f"/{end}"))
        return next(known, len(around)), -len(places[place]), place.count("/"), place

    return places[min(places, key=rank)] if places else {}
