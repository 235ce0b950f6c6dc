"""FGVC-Aircraft (Maji et al., arXiv:1306.5151): the 100 variants, cut to the aircraft.

Meta-Dataset takes the training, validation and test images of a variant together and cuts each to
its box in `images_box.txt`, which also removes the line of credits below the photograph.
torchvision's loader is not used: it gives one list at a time and no boxes.
"""

from __future__ import annotations

from benchbench.datasets.meta_dataset.readers.layout import Layout, Part, Published, stays_below
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec
from benchbench.datasets.reading.file_tree import TreeFile

LAYOUT = Layout(
    "FGVC-Aircraft",
    ("fgvc-aircraft-2013b",),
    ("fgvc-aircraft-2013b.tar.gz",),
    "fgvc-aircraft-2013b/ with data/images/*.jpg, data/images_variant_trainval.txt, "
    "data/images_variant_test.txt and data/images_box.txt, or fgvc-aircraft-2013b.tar.gz",
)

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom are outside."""


def read(published: Published, spec: SourceSpec) -> SourceFiles:
    """The photographs of each variant, in the order of their numbers, each with its box."""
    part = published.part("images_box.txt")
    variants = _variants(published, part)
    boxes = _boxes(published, part)
    images: dict[str, list[tuple[TreeFile, Box]]] = {name: [] for name in spec.class_names}
    for number, variant in sorted(variants.items()):
        name = f"images/{number}.jpg"
        if variant not in images or not part.has(name):
            continue
        if number not in boxes:
            raise published.refusal(f"images_box.txt in {published.path} has no box of {number}")
        images[variant].append((part.file(name), boxes[number]))
    return SourceFiles(images, lambda reference: reference[0].image().crop(reference[1]))


def _variants(published: Published, part: Part) -> dict[str, str]:
    """The variant of each photograph, from all lists that are there."""
    variants: dict[str, str] = {}
    for split in ("trainval", "train", "val", "test"):
        file = f"images_variant_{split}.txt"
        for line in _lines(part, file) if part.has(file) else ():
            number, _, variant = line.partition(" ")
            if not variant or not stays_below(number):
                raise published.refusal(f"{file} in {published.path} has the line '{line}'")
            if variants.setdefault(number, variant) != variant:
                raise published.refusal(f"{file} in {published.path} has a second name of {number}")
    if not variants:
        raise published.refusal(f"{published.path} has no images_variant_trainval.txt")
    return variants


def _boxes(published: Published, part: Part) -> dict[str, Box]:
    boxes: dict[str, Box] = {}
    for line in _lines(part, "images_box.txt"):
        try:
            number, *values = line.split()
            left, top, right, bottom = map(int, values)
        except ValueError as error:
            raise published.refusal(
                f"images_box.txt in {published.path} has the line '{line}'"
            ) from error
        if left >= right or top >= bottom:
            raise published.refusal(
                f"images_box.txt in {published.path} has the empty box '{line}'"
            )
        boxes[number] = (left, top, right, bottom)
    return boxes


def _lines(part: Part, file: str) -> list[str]:
    lines = part.read(file).decode(errors="replace").splitlines()
    return [line.strip() for line in lines if line.strip()]
