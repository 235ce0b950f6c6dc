"""Networks of the library open_clip (Ilharco et al., 2021): image towers, with or without text."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from benchbench.backbones.libraries import weights as weight_files
from benchbench.backbones.libraries.base import Created, LibraryBackbone, import_library
from benchbench.backbones.libraries.preprocessing import Preparation
from benchbench.errors import BenchbenchError, unknown_name


@dataclass(eq=False)
class OpenClip(LibraryBackbone):
    """The image tower of a network of open_clip by name, as in open_clip:ViT-B-32/openai.

    open_clip:ViT-B-32/openai is open_clip:ViT-B-32[weights=openai]; with a tag and a file, the tag
    says how images are prepared and the file holds the weights, in open_clip's own layout.

    projected: whether features are in the joint space of images and text, with the text tower kept;
        by default they are those before the projection, which CLIP's linear probe uses. All other
        parameters are those of every LibraryBackbone.
    """

    name: ClassVar[str] = "open_clip"
    tag_sign: ClassVar[str] = "/"
    projected: bool = False

    @classmethod
    def check(cls, arguments: dict[str, Any]) -> None:
        open_clip = _library()
        architecture, _, own_tag = arguments["model"].partition("/")
        config = open_clip.get_model_config(architecture)
        if config is None:
            raise unknown_name("network of open_clip", architecture, open_clip.list_models())
        if "hf_model_name" in config["text_cfg"]:
            raise BenchbenchError(
                f"open_clip:{architecture} has a text tower of the library transformers, which "
                "is not supported; choose one with a text tower of open_clip, such as ViT-B-32."
            )
        weights = arguments.get("weights")
        tags = open_clip.list_pretrained_tags_by_model(architecture)
        given = [own_tag, None if weight_files.local_file(weights) else weights]
        for tag in filter(None, given):
            if tag not in tags:
                raise unknown_name(f"tag of weights of open_clip:{architecture}", tag, tags)

    @property
    def architecture(self) -> str:
        """The network's name without the tag."""
        return self.model.partition("/")[0]

    def build(self) -> None:
        own_tag = self.model.partition("/")[2]
        if own_tag and weight_files.local_file(self.weights) and not self.pretrained_on:
            self.pretrained_on = weight_files.data_sets_of_tag(own_tag)
        super().build()
        if not self.projected:
            tower: Any = self.network.visual
            drop_projection(tower)
            self.network = tower
            self._feature_size = self._measure()

    def create(self, tag: str | None, from_file: bool) -> Created:
        open_clip = _library()
        tag = tag or self.model.partition("/")[2]
        facts = open_clip.get_pretrained_cfg(self.architecture, tag) if tag else {}
        trained = None
        if tag and not from_file:
            what = f"The weights '{tag}' of open_clip:{self.architecture}"
            with weight_files.downloading(what, "HF_HOME"):
                trained = open_clip.download_pretrained(facts)
        with _quiet():
            network = open_clip.create_model(
                self.architecture,
                pretrained=trained,
                pretrained_text=False,
                force_image_size=self.size,
                force_preprocess_cfg=facts,
                # The library only warns if the weights need the other activation.
                force_quick_gelu=bool(facts.get("quick_gelu")),
                **self.options,
            )
        seen = weight_files.data_sets_of_tag(tag) if trained else ()
        return Created(network, _preparation(network), pretrained_on=seen)

    def embed(self, pixels: Tensor) -> Tensor:
        tower = getattr(self.network, "visual", self.network)
        features = tower(pixels)
        # CoCa's tower also returns its tokens.
        main: Tensor = features if isinstance(features, Tensor) else features[0]
        return main

    @property
    def logit_scale(self) -> Tensor:
        """The logarithm of the factor on the cosines; only with `projected`."""
        scale: Tensor = self.network.logit_scale  # type: ignore[assignment]
        return scale

    def encode_text(self, texts: list[str]) -> Tensor:
        """Embeddings float32 [n, feature_size] in the joint space; only with `projected`.

        The vocabulary is the one that the library bundles. Raises BenchbenchError if the network
        needs another.
        """
        if not self.projected:
            raise BenchbenchError(f"open_clip:{self.model} embeds text only with projected=true.")
        open_clip = _library()
        if "hf_tokenizer_name" in open_clip.get_model_config(self.architecture)["text_cfg"]:
            raise BenchbenchError(
                f"open_clip:{self.architecture} reads text with a vocabulary that open_clip does "
                "not bring; choose a network with CLIP's own, such as ViT-B-32."
            )
        tokens = open_clip.get_tokenizer(self.architecture)(texts).to(self.device)
        features: Tensor = self.network.encode_text(tokens)  # type: ignore[operator]
        return features.float()

    def context_of(self, text: str) -> Tensor:
        """The token vectors [m, width] of a text; only with `projected`."""
        tokens = _library().get_tokenizer(self.architecture)([text])[0]
        own = tokens[1 : int(tokens.argmax())].to(self.device)  # between the start and the end
        vectors: Tensor = self._token_vectors()(own)
        return vectors.float()

    def encode_in_context(self, context: Tensor, names: list[str]) -> Tensor:
        """Embeddings float32 [n, feature_size] of "CONTEXT NAME."; only with `projected`.

        context: token vectors [m, width] before all names, or [n, m, width] before each. A text of
        too many tokens loses its last ones, as the library does it.
        """
        count = context.shape[-2]

        def with_context(_module: nn.Module, _inputs: object, vectors: Tensor) -> Tensor:
            own = context.to(vectors).expand(len(vectors), -1, -1)
            return torch.cat([vectors[:, :1], own, vectors[:, 1 + count :]], dim=1)

        hook = self._token_vectors().register_forward_hook(with_context)
        try:
            return self.encode_text([f"{'X ' * count}{name}." for name in names])
        finally:
            hook.remove()

    def _token_vectors(self) -> nn.Module:
        """The table of the text tower. Raises BenchbenchError without `projected`."""
        if not self.projected:
            raise BenchbenchError(f"open_clip:{self.model} embeds text only with projected=true.")
        tower: Any = getattr(self.network, "text", self.network)
        vectors: nn.Module = tower.token_embedding
        return vectors


def drop_projection(tower: Any) -> None:
    """Remove the projection into the joint space. Raises BenchbenchError if it is not separate."""
    open_clip = _library()
    if isinstance(tower, open_clip.transformer.VisionTransformer):
        tower.proj = None
    elif isinstance(tower, open_clip.modified_resnet.ModifiedResNet):
        # Attention needs an output layer: the identity takes the projection's place.
        size = tower.attnpool.c_proj.in_features
        tower.attnpool.c_proj = nn.Linear(size, size)
        nn.init.eye_(tower.attnpool.c_proj.weight)
        nn.init.zeros_(tower.attnpool.c_proj.bias)
    elif isinstance(tower, open_clip.timm_model.TimmModel) and "pool" not in dict(
        tower.head.named_children()
    ):
        if len(tower.head) == 0:
            tower.trunk.reset_classifier(0)
        tower.head = nn.Sequential()
    else:
        raise BenchbenchError(
            f"open_clip: in a tower {type(tower).__name__} it is not known what comes before the "
            "projection; use projected=true."
        )


def _preparation(network: nn.Module) -> Preparation:
    visual: Any = network.visual
    facts: dict[str, Any] = visual.preprocess_cfg
    size = facts["size"]
    return Preparation(
        size=(size, size) if isinstance(size, int) else tuple(size),
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        interpolation=facts["interpolation"],
        squash=facts["resize_mode"] == "squash",
    )


def _library() -> ModuleType:
    return import_library("open_clip", extra="clip")


@contextmanager
def _quiet() -> Iterator[None]:
    """A block whose messages to the root logger are dropped; the first would configure logging."""
    handler, root = logging.NullHandler(), logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
