"""Networks of the library timm (Wightman, PyTorch Image Models) as backbones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor

from benchbench.backbones.libraries import weights as weight_files
from benchbench.backbones.libraries.base import (
    Created,
    LibraryBackbone,
    import_library,
    input_channels,
)
from benchbench.backbones.libraries.preprocessing import Preparation
from benchbench.errors import unknown_name

DEFAULT = "default"  # the weights that the library chooses itself


@dataclass(eq=False)
class Timm(LibraryBackbone):
    """A network of timm by name, without its classifier, as in timm:resnet18.

    timm:resnet50.a1_in1k is timm:resnet50[weights=a1_in1k]; weights=default are those that timm
    chooses. docs/backbones.md explains the parameters.

    tokens: of a vision transformer, the features: its `class` token, the `mean` of its patches', or
        all `patches` as a map, each behind the last norm; by default they are what the network
        gives its own classifier.
    """

    name: ClassVar[str] = "timm"
    tag_sign: ClassVar[str] = "."
    tokens: Literal["class", "mean", "patches"] | None = None

    @classmethod
    def check(cls, arguments: dict[str, Any]) -> None:
        timm = import_library("timm", extra="timm")
        architecture, _, tag = arguments["model"].partition(".")
        if not timm.is_model(architecture):
            raise unknown_name("network of timm", architecture, timm.list_models())
        weights = arguments.get("weights")
        if weight_files.local_file(weights) is None:
            tag = weights or tag
        configs = timm.models.get_arch_pretrained_cfgs(architecture)
        tags = [full.partition(".")[2] for full, facts in configs.items() if facts.has_weights]
        if tag not in ("", DEFAULT, *tags):
            raise unknown_name(f"tag of weights of timm:{architecture}", tag, tags)

    def create(self, tag: str | None, from_file: bool) -> Created:
        timm = import_library("timm", extra="timm")
        architecture, _, own_tag = self.model.partition(".")
        tag = tag or own_tag
        pretrained = bool(tag) and not from_file
        name = f"{architecture}.{tag}" if tag not in ("", DEFAULT) else architecture
        what, cache = f"The weights '{tag}' of timm:{architecture}", "HF_HOME"
        with weight_files.downloading(what, cache if pretrained else None):
            network = timm.create_model(name, pretrained=pretrained, **self.options)
        if self.tokens is not None:
            self._check_tokens(network)
        names = set(network.state_dict())
        network.reset_classifier(0)
        config = network.pretrained_cfg
        facts = timm.data.resolve_data_config(self.options, pretrained_cfg=config)
        if pretrained or from_file:
            preparation = Preparation(
                input_channels(network),
                size=facts["input_size"][1:],
                mean=facts["mean"],
                std=facts["std"],
                interpolation=facts["interpolation"],
                crop=facts["crop_pct"],
                squash=facts["crop_mode"] == "squash",
            )
        else:
            # Images keep their size if the network takes any.
            size = facts["input_size"][1:] if config.get("fixed_input_size") else None
            preparation = Preparation(input_channels(network), size)
        return Created(
            network,
            preparation,
            head=frozenset(names - set(network.state_dict())),
            pretrained_on=weight_files.data_sets_of_tag(config["tag"]) if pretrained else (),
        )

    def _check_tokens(self, network: Any) -> None:
        """Raise ValueError if the network does not have the tokens that are asked for."""
        if not hasattr(network, "num_prefix_tokens") or not hasattr(network, "patch_embed"):
            raise ValueError(
                f"{self.model} is no vision transformer; leave out tokens={self.tokens}"
            )
        if self.tokens == "class" and getattr(network, "cls_token", None) is None:
            raise ValueError(f"{self.model} has no class token; choose tokens=mean or patches")

    def embed(self, pixels: Tensor) -> Tensor:
        if self.tokens is None:
            return super().embed(pixels)
        network: Any = self.network
        tokens: Tensor = network.forward_features(pixels)
        # Registers follow the class token.
        patches = tokens[:, network.num_prefix_tokens :]
        found = {"class": tokens[:, 0], "mean": patches.mean(1), "patches": patches.mT.flatten(1)}
        return found[self.tokens]

    @property
    def map_shape(self) -> tuple[int, int, int] | None:
        if self.tokens != "patches":
            return None
        network: Any = self.network
        size = self.preparation.size or self.image_shape[:2]
        height, width = network.patch_embed.dynamic_feat_size(size)
        return network.num_features, height, width
