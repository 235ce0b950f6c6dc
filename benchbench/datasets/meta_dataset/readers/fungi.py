"""FGVCx Fungi (2018): training and validation images together; the test set has no labels.

Several species share a name, so that Meta-Dataset begins a class's name with the category's number
in four digits.
"""

from __future__ import annotations

from benchbench.datasets.meta_dataset.readers.layout import (
    Layout,
    Published,
    coco_tables,
    stays_below,
)
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec
from benchbench.datasets.reading.file_tree import TreeFile

LAYOUT = Layout(
    "FGVCx Fungi",
    ("fungi", "fgvcx_fungi", "FGVCx_Fungi"),
    ("train_val_annotations.tgz", "fungi_train_val.tgz"),
    "a folder with images/, train.json and val.json, or with fungi_train_val.tgz and "
    "train_val_annotations.tgz",
)


def read(published: Published, spec: SourceSpec) -> SourceFiles:
    """The images of each species, in the order of their file names."""
    photographs = published.part("images/")
    files: dict[str, list[str]] = {name: [] for name in spec.class_names}
    for list_name in ("train.json", "val.json"):
        for file, species in _listed(published, list_name):
            if not stays_below(file):
                raise published.refusal(
                    f"{list_name} in {published.path} names the file '{file}', which is not below "
                    "the folder"
                )
            if species in files and photographs.has(file):
                files[species].append(file)
    images = {name: [photographs.file(file) for file in sorted(files[name])] for name in files}
    return SourceFiles(images, TreeFile.image)


def _listed(published: Published, list_name: str) -> list[tuple[str, str]]:
    """File and class of each image of a list."""
    images, annotations, categories = coco_tables(
        published, published.part(list_name), list_name, "images", "annotations", "categories"
    )
    names = {row["id"]: f"{row['id']:04d}.{row['name']}" for row in categories}
    files = {row["id"]: row["file_name"] for row in images}
    labels = {row["image_id"]: row["category_id"] for row in annotations}
    unknown = [label for label in labels.values() if label not in names]
    if len(labels) != len(annotations) or unknown or labels.keys() - files.keys():
        raise published.refusal(
            f"{list_name} in {published.path} does not give each image one of its categories"
        )
    return [(files[image], names[label]) for image, label in labels.items()]
