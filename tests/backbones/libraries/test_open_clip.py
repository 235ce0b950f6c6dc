"""Networks of open_clip, on small ones of the library's own classes."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from support.folders import open_folder
from support.own_size import write_own_size
from support.sentences import one_sentence
from torch import Tensor

from benchbench.backbones import backbone_arguments, create_backbone
from benchbench.backbones.libraries.open_clip import OpenClip, drop_projection
from benchbench.errors import BenchbenchError
from benchbench.images import Images
from benchbench.system.vision import torchvision

torchvision()
open_clip = pytest.importorskip("open_clip")
transform = pytest.importorskip("open_clip.transform")

TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
TOWERS: dict[str, dict[str, Any]] = {
    "tiny-vit": {"image_size": 32, "layers": 2, "width": 64, "head_width": 16, "patch_size": 8},
    "tiny-resnet": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8},
    "tiny-linear": {
        "image_size": 32,
        "timm_model_name": "test_resnet",
        "timm_pool": "avg",
        "timm_proj": "linear",
    },
    "tiny-head": {
        "image_size": 160,
        "timm_model_name": "test_vit",
        "timm_pool": "token",
        "timm_proj": None,
    },
}
WIDTHS = {"tiny-vit": 64, "tiny-resnet": 256, "tiny-linear": 96, "tiny-head": 64}
TEXTS = ["a photo of a red fox.", "a photo of an owl."]


@pytest.fixture(scope="module", autouse=True)
def configs(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The small networks, known to the library by name."""
    folder = tmp_path_factory.mktemp("configs")
    others = {
        "tiny-transformers": {**TEXT, "hf_model_name": "roberta-base"},
        "tiny-vocabulary": {**TEXT, "hf_tokenizer_name": "timm/ViT-B-16-SigLIP"},
    }
    texts = {**dict.fromkeys(TOWERS, TEXT), **others}
    for name, text in texts.items():
        vision = TOWERS.get(name, TOWERS["tiny-vit"])
        config = {"embed_dim": 24, "vision_cfg": vision, "text_cfg": text}
        (folder / f"{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)


def original(name: str = "tiny-vit", seed: int = 5) -> torch.nn.Module:
    """The library's own network with random weights, in evaluation mode."""
    torch.manual_seed(seed)
    return open_clip.create_model(name, pretrained_text=False).eval()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    save_file({key: value.contiguous() for key, value in original().state_dict().items()}, path)
    return path


def images(count: int = 5, side: int = 32) -> Images:
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3))
    return Images.from_array(pixels.astype(np.uint8))


def made(spec: str) -> OpenClip:
    backbone = create_backbone(spec, (32, 32, 3)).freeze()
    assert isinstance(backbone, OpenClip)
    return backbone


def test_a_file_gives_the_librarys_own_embeddings(file: Path) -> None:
    backbone, theirs = made(f"open_clip:tiny-vit[projected=true,weights={file}]"), original()
    prepared = backbone.prepare(images().array)
    tokens = open_clip.get_tokenizer("tiny-vit")(TEXTS)
    with torch.no_grad():
        torch.testing.assert_close(backbone(images()), theirs.encode_image(prepared))
        torch.testing.assert_close(backbone.encode_text(TEXTS), theirs.encode_text(tokens))
    assert backbone.feature_size == 24
    assert backbone.logit_scale == theirs.logit_scale


def test_images_are_prepared_as_the_library_does(file: Path) -> None:
    backbone = made(f"open_clip:tiny-vit[weights={file}]")
    facts = transform.PreprocessCfg(**original().visual.preprocess_cfg)
    theirs = transform.image_transform_v2(facts, is_train=False)
    pixels = images(1, side=48).array
    expected = theirs(Image.fromarray(pixels[0]))
    # Pillow rounds between its two passes; on noise that is up to 3 levels, of 0.015 each.
    torch.testing.assert_close(backbone.prepare(pixels)[0], expected, atol=0.06, rtol=0)


def test_pictures_at_their_own_size_are_prepared_as_the_library_does(
    file: Path, tmp_path: Path
) -> None:
    root = write_own_size(tmp_path / "pictures", classes=3, count=2)
    dataset = open_folder(root, size="native", val=0, test=1)
    backbone = create_backbone(f"open_clip:tiny-vit[weights={file}]", dataset.image_shape)
    facts = transform.PreprocessCfg(**original().visual.preprocess_cfg)
    theirs = transform.image_transform_v2(facts, is_train=False)
    expected = torch.stack([theirs(Image.open(each)) for each in sorted(root.rglob("*.png"))])
    (found,) = backbone.prepare_pictures(Images(dataset.view("test"), np.arange(6)))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", TOWERS)
def test_features_come_before_the_projection(name: str) -> None:
    projected, plain = (made(f"open_clip:{name}{end}") for end in ("[projected=true]", ""))
    assert plain.feature_size == WIDTHS[name]
    assert projected.feature_size == 24
    torch.testing.assert_close(project(name, projected, plain(images())), projected(images()))


def project(name: str, backbone: OpenClip, features: Tensor) -> Tensor:
    tower: Any = backbone.network.visual
    if name == "tiny-vit":
        return features @ tower.proj
    if name == "tiny-resnet":
        return tower.attnpool.c_proj(features)
    return tower.head.proj(features) if name == "tiny-linear" else tower.trunk.head(features)


def test_another_size_of_image(file: Path) -> None:
    backbone = made("open_clip:tiny-vit[size=64]")
    assert backbone.prepare(images().array).shape == (5, 3, 64, 64)
    assert backbone(images()).shape == (5, 64)
    with one_sentence("in another shape visual"):
        made(f"open_clip:tiny-vit[size=64,weights={file}]")


def test_without_the_projection_the_text_tower_is_gone() -> None:
    plain, projected = (made(f"open_clip:tiny-vit{end}") for end in ("", "[projected=true]"))
    names = [name for name, _ in plain.named_parameters()]
    assert not [name for name in names if "token_embedding" in name]
    assert any("token_embedding" in name for name, _ in projected.named_parameters())
    with one_sentence("only with projected=true"):
        plain.encode_text(TEXTS)


def test_an_unknown_tower_is_one_sentence() -> None:
    with one_sentence(r"in a tower Identity it is not known what comes"):
        drop_projection(torch.nn.Identity())


def test_random_weights_hang_on_the_seed_and_have_seen_nothing() -> None:
    first, again, other = (
        create_backbone("open_clip:tiny-vit", (32, 32, 3), seed).weights_sha256()
        for seed in (0, 0, 1)
    )
    assert first == again != other
    assert made("open_clip:tiny-vit").pretrained_on == ()


def test_what_weights_have_seen_is_said_by_tag_file_or_user(file: Path) -> None:
    assert made(f"open_clip:tiny-vit[weights={file}]").pretrained_on == ("unknown",)
    said = made(f"open_clip:tiny-vit[weights={file},pretrained_on=toys]")
    assert said.pretrained_on == ("toys",)


def test_a_tag_beside_a_file_says_preparation_and_data(file, monkeypatch) -> None:
    facts = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25), "resize_mode": "squash"}
    monkeypatch.setattr(open_clip, "list_pretrained_tags_by_model", lambda name: ["laion2b_x"])
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda name, tag: facts)
    backbone = made(f"open_clip:tiny-vit/laion2b_x[weights={file}]")
    assert backbone.pretrained_on == ("laion-2b",)
    assert backbone.preparation.mean == (0.5, 0.5, 0.5)
    assert backbone.preparation.squash


def test_a_tag_is_loaded_by_the_library_with_the_activation_it_needs(file, monkeypatch) -> None:
    facts = {"quick_gelu": True}
    monkeypatch.setattr(open_clip, "list_pretrained_tags_by_model", lambda name: ["openai"])
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda name, tag: facts)
    monkeypatch.setattr(open_clip, "download_pretrained", lambda facts: str(file))
    backbone = made("open_clip:tiny-vit/openai[projected=true]")
    assert backbone.pretrained_on == ("openai-wit-400m",)
    theirs = open_clip.create_model("tiny-vit", pretrained_text=False, force_quick_gelu=True)
    theirs.load_state_dict(original().state_dict())
    with torch.no_grad():
        expected = theirs.eval().encode_image(backbone.prepare(images().array))
    torch.testing.assert_close(backbone(images()), expected)


def test_weights_that_cannot_be_reached_are_one_sentence() -> None:
    with one_sentence(r"'openai' of open_clip:RN50x64 cannot be downloaded"):
        create_backbone("open_clip:RN50x64/openai", (32, 32, 3))


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("open_clip:ViT-B-23", "no network of open_clip named 'ViT-B-23'; did you mean ViT-B-32"),
        ("open_clip:ViT-B-32/opena", "no tag of weights of open_clip:ViT-B-32 named 'opena'; did"),
        ("open_clip:ViT-B-32[weights=opena]", "named 'opena'; did you mean openai"),
        ("open_clip:tiny-transformers", "a text tower of the library transformers"),
        ("open_clip", "needs its model"),
    ],
)
def test_mistakes_are_found_before_anything_is_built(spec: str, says: str) -> None:
    with one_sentence(says):
        backbone_arguments(spec)


def test_a_vocabulary_that_is_not_bundled_is_one_sentence() -> None:
    backbone = made("open_clip:tiny-vocabulary[projected=true]")
    with one_sentence("vocabulary that open_clip does not bring"):
        backbone.encode_text(TEXTS)


def test_the_library_leaves_logging_alone() -> None:
    handlers = list(logging.getLogger().handlers)
    made("open_clip:tiny-vit")
    assert logging.getLogger().handlers == handlers


def test_names_in_context_are_texts_that_begin_with_it(file: Path) -> None:
    backbone = made(f"open_clip:tiny-vit[weights={file},projected=true]")
    context = backbone.context_of("a photo of")
    assert context.shape == (3, 32)
    found = backbone.encode_in_context(context, ["a red fox", "an owl"])
    torch.testing.assert_close(found, backbone.encode_text(TEXTS))
    each = torch.stack([backbone.context_of(text) for text in ("a photo of", "an old one")])
    own = backbone.encode_in_context(each, ["a red fox", "an owl"])
    expected = backbone.encode_text([TEXTS[0], "an old one an owl."])
    torch.testing.assert_close(own, expected)


def test_word_vectors_need_the_text_tower(file: Path) -> None:
    backbone = made(f"open_clip:tiny-vit[weights={file}]")
    with pytest.raises(BenchbenchError, match="projected=true"):
        backbone.context_of("a photo of")
