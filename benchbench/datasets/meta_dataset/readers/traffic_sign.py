"""German Traffic Sign Recognition Benchmark (Stallkamp et al., 2012): 43 classes in tracks.

Meta-Dataset takes the 39 209 images of the final training set whole: it does not cut them to the
sign. A track is about 30 frames of one sign as a car drives by; its number begins the file's name,
`TRACK_FRAME.ppm`, and is the images' group key. torchvision's loader is not used: it fetches the
competition's earlier training set of 26 640 images. That is read as well if it is the only one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from benchbench.datasets.meta_dataset.readers.layout import Layout, Published, read_class_folders
from benchbench.datasets.meta_dataset.spec import SourceFiles, SourceSpec
from benchbench.datasets.reading.file_tree import TreeFile

LAYOUT = Layout(
    "GTSRB",
    ("GTSRB", "gtsrb"),
    ("GTSRB_Final_Training_Images.zip", "GTSRB-Training_fixed.zip"),
    "GTSRB/ with Final_Training/Images/00000/*.ppm to 00042/, or GTSRB_Final_Training_Images.zip",
)


def read(published: Published, spec: SourceSpec) -> SourceFiles:
    """The images of the folder `000NN` for the class `NN.name`."""
    folders = {f"{int(name.partition('.')[0]):05d}": name for name in spec.class_names}
    files = read_class_folders(published, folders, ["Final_Training/Images", "Training"])
    groups = {name: [_track(file) for file in images] for name, images in files.images.items()}
    return replace(files, groups=groups)


def _track(file: TreeFile) -> str:
    """Class and track, since each class counts its own tracks."""
    path = PurePosixPath(file.name)
    return f"{path.parent.name}/{path.stem.partition('_')[0]}"
