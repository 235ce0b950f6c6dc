"""Usual names of the ten sources, and the terms on which each may be used."""

from __future__ import annotations

from benchbench.datasets.meta_dataset.spec import SOURCES
from benchbench.errors import unknown_name
from benchbench.registry.specs import plain

ALIASES = {
    "ilsvrc": "ilsvrc_2012",
    "imagenet": "ilsvrc_2012",
    "fgvc_aircraft": "aircraft",
    "birds": "cu_birds",
    "cub": "cu_birds",
    "cub_200_2011": "cu_birds",
    "textures": "dtd",
    "fungus": "fungi",
    "flower": "vgg_flower",
    "flowers": "vgg_flower",
    "flowers_102": "vgg_flower",
    "vgg_flowers": "vgg_flower",
    "gtsrb": "traffic_sign",
    "signs": "traffic_sign",
    "traffic_signs": "traffic_sign",
    "coco": "mscoco",
}

LICENCES = {
    "ilsvrc_2012": "non-commercial research and education, by ImageNet's terms of access",
    "omniglot": "MIT",
    "aircraft": "non-commercial research",
    "cu_birds": "non-commercial research and education",
    "dtd": "research",
    "quickdraw": "CC BY 4.0",
    "fungi": "non-commercial research and education, by the terms of FGVCx Fungi 2018",
    "vgg_flower": "research; the photographs belong to those who took them",
    "traffic_sign": "research; the authors ask to be cited",
    "mscoco": "annotations CC BY 4.0; the photographs as each was put on Flickr",
}


def canonical(source: str) -> str:
    """The name in `SOURCES` for that or another usual name. Raises BenchbenchError if unknown."""
    names = {plain(name): name for name in SOURCES}
    names |= {plain(alias): name for alias, name in ALIASES.items()}
    if plain(source) not in names:
        raise unknown_name("source of Meta-Dataset", source, [*SOURCES, *ALIASES])
    return names[plain(source)]
