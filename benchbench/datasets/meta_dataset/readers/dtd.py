"""Describable Textures (Cimpoi et al., CVPR 2014): whole images, all of a class together.

torchvision's loader is not used: it gives one partition of three at a time. Meta-Dataset and
`FileTree.image_names` both leave a leftover file `.directory` out.
"""

from benchbench.datasets.meta_dataset.readers.cu_birds import read as read
from benchbench.datasets.meta_dataset.readers.layout import Layout

LAYOUT = Layout(
    "DTD", ("dtd",), ("dtd-r1.0.1.tar.gz",), "dtd/ with images/CLASS/*.jpg, or dtd-r1.0.1.tar.gz"
)
