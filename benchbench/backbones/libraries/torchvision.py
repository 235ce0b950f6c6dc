"""The classification networks of torchvision as backbones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import nn

from benchbench.backbones.libraries import weights as weight_files
from benchbench.backbones.libraries.base import Created, LibraryBackbone, input_channels
from benchbench.backbones.libraries.preprocessing import Preparation
from benchbench.errors import unknown_name
from benchbench.system.vision import torchvision

CLASSES = 1000  # outputs of torchvision's networks, unless num_classes says otherwise


@dataclass(eq=False)
class Torchvision(LibraryBackbone):
    """A network of torchvision by name, without its last layer, as in torchvision:resnet18.

    Tags of weights are torchvision's, such as IMAGENET1K_V1; DEFAULT are those that it chooses.
    docs/backbones.md explains the parameters.

    stem: `cifar` gives a ResNet a first convolution of 3x3 pixels with stride 1, and no pooling
        after it, for images of 32 px (SimCLR, arXiv:2002.05709, appendix B.9).
    """

    name: ClassVar[str] = "torchvision"
    stem: Literal["imagenet", "cifar"] = "imagenet"

    @classmethod
    def check(cls, arguments: dict[str, Any]) -> None:
        models, model = torchvision("models"), arguments["model"]
        names = models.list_models(module=models)
        if model not in names:
            raise unknown_name("network of torchvision", model, names)
        tag = arguments.get("weights")
        if weight_files.local_file(tag) is None and tag is not None:
            tags = models.get_model_weights(model).__members__
            if tag.upper() not in tags:
                raise unknown_name(f"tag of weights of torchvision:{model}", tag, tags)

    def create(self, tag: str | None, from_file: bool) -> Created:
        models = torchvision("models")
        tags = models.get_model_weights(self.model).__members__
        weights = tags[tag.upper()] if tag else None
        what, cache = f"The weights '{tag}' of torchvision:{self.model}", tag and "TORCH_HOME"
        with weight_files.downloading(what, cache):
            network = models.get_model(self.model, weights=weights, **self.options)
        if self.stem == "cifar":
            small_stem(network, self.model, tag)
        names = set(network.state_dict())
        drop_last_layer(network, int(self.options.get("num_classes") or CLASSES))
        alike = from_file and self.stem == "imagenet"
        described = weights or (tags.get("DEFAULT") if alike else None)
        if described:
            preparation = _trained_preparation(network, described)
        else:
            # Images keep their size if the network takes any.
            side = getattr(network, "image_size", None)
            preparation = Preparation(input_channels(network), (side, side) if side else None)
        return Created(
            network,
            preparation,
            head=frozenset(names - set(network.state_dict())),
            pretrained_on=weight_files.data_sets_of_tag(weights.name) if weights else (),
        )


def small_stem(network: Any, model: str, tag: str | None) -> None:
    """Replace the first convolution and the pooling of a ResNet, whose `tag` of weights is none.

    Raises ValueError for another network, and for weights of the first convolution as it was.
    """
    first = getattr(network, "conv1", None)
    if not isinstance(first, nn.Conv2d) or not hasattr(network, "layer4"):
        raise ValueError(f"{model} is no ResNet; leave out stem=cifar")
    if tag:
        raise ValueError(f"the weights {tag} are of ImageNet's stem; leave out one of the two")
    network.conv1 = nn.Conv2d(first.in_channels, first.out_channels, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    network.maxpool = nn.Identity()


def drop_last_layer(network: nn.Module, classes: int) -> None:
    """Replace the last layer, which gives a value for each class, by an identity."""
    names = [
        name
        for name, module in network.named_modules()
        if (isinstance(module, nn.Linear) and module.out_features == classes)
        or (isinstance(module, nn.Conv2d) and module.out_channels == classes)
    ]
    if not names:
        raise ValueError(f"no layer of the network gives {classes} values")
    parent, _, child = names[-1].rpartition(".")
    setattr(network.get_submodule(parent), child, nn.Identity())


def _trained_preparation(network: nn.Module, weights: Any) -> Preparation:
    facts = weights.transforms()
    crop, resized = _side(facts.crop_size), _side(facts.resize_size)
    return Preparation(
        input_channels(network),
        size=(crop, crop),
        mean=tuple(facts.mean),
        std=tuple(facts.std),
        interpolation=facts.interpolation.value,
        crop=crop / resized,
    )


def _side(size: int | Iterable[int]) -> int:
    return size if isinstance(size, int) else next(iter(size))
