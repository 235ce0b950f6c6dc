"""`benchbench list` and `benchbench describe`."""

import re
from pathlib import Path

import pytest
from support.command_line import PACKAGES, invoke, process

from benchbench.registry import entry_points, inspection, loading, specs


class TestInformation:
    def test_list_names_all_with_a_summary_and_a_home(self) -> None:
        listed = invoke("list").stdout
        for kind in entry_points.KINDS:
            for name, provenance in entry_points.available(kind).items():
                (line,) = [x for x in listed.splitlines() if x.split()[:1] == [name]]
                assert f"[{provenance.package} {provenance.version}]" in line
                assert inspection.summary(provenance) in line
        assert "glyphs" not in invoke("list", "methods").stdout
        assert "knn" not in invoke("list", "datasets").stdout

    @pytest.mark.parametrize("kind", ["backbones", "samplers", "metrics"])
    def test_list_names_what_is_registered_with_a_summary_and_a_module(self, kind: str) -> None:
        title, *lines = invoke("list", kind).stdout.splitlines()
        assert title == f"{kind}:"
        things = loading.registered(f"register_{kind}")
        assert [line.split()[0] for line in lines] == sorted(things)
        for line in lines:
            thing = things[line.split()[0]]
            assert thing.__doc__.splitlines()[0] in line
            assert line.endswith(f" [{thing.__module__}]")

    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            ("backbones", "conv4"),
            ("augmentations", "flip"),
            ("samplers", "fixed"),
            ("metrics", "negative_log_likelihood"),
        ],
    )
    def test_list_of_a_kind_knows_the_cores_own(self, kind: str, name: str) -> None:
        assert f"\n  {name} " in invoke("list", kind).stdout
        assert f"\n  {name} " not in invoke("list").stdout

    def test_list_names_the_metrics_of_extras(self, extras: Path) -> None:
        listed = process("list", "metrics", path=(extras, PACKAGES)).stdout
        assert "\n  margin " in listed
        assert "\n  accuracy " in listed

    @pytest.mark.parametrize(
        ("kind", "name"), [(k, n) for k in entry_points.KINDS for n in entry_points.available(k)]
    )
    def test_describe(self, kind: str, name: str) -> None:
        result = invoke("describe", name)
        assert result.exit_code == 0, result.output
        assert f"{name} ({kind} of " in result.stdout
        assert inspection.summary(entry_points.available(kind)[name]) in result.stdout
        assert "parameters:" in result.stdout
        assert "No description" not in result.stdout

    @pytest.mark.parametrize("name", ["conv4", "pixels", "resnet12", "timm", "torchvision"])
    def test_describe_a_backbone(self, name: str) -> None:
        cls = loading.registered("register_backbones")[name]
        text = invoke("describe", name).stdout
        assert f"{name} (backbone of {cls.__module__})" in text
        assert cls.__doc__.splitlines()[0] in text
        for parameter in specs.parameter_types(cls):
            assert f"\n  {parameter}: " in text
        assert ("any other key" in text) == (specs.open_parameters(cls) is not None)

    def test_describe_knows_defaults(self) -> None:
        text = invoke("describe", "knn").stdout
        assert "k: int; default 1" in text
        assert "distance: one of euclidean, cosine; default cosine" in text
        assert "path: str; required" in invoke("describe", "folder").stdout

    def test_describe_explains_every_parameter_once(self) -> None:
        found = [
            (kind, name, loading.load(kind, name))
            for kind in entry_points.KINDS
            for name in entry_points.available(kind)
        ]
        for kind in ("backbone", "sampler", "augmentation"):
            things = loading.registered(f"register_{kind}s")
            found += [(kind, name, thing) for name, thing in things.items()]
        for kind, name, cls in found:
            _, _, text = invoke("describe", name).stdout.partition(f"{name} ({kind} of ")
            explanation, _, _ = text.partition("\nparameters:\n")
            for parameter in specs.parameter_types(cls):
                pattern = rf"^(?:\w+, )*{parameter}(?:, \w+)*: "
                times = len(re.findall(pattern, explanation, re.MULTILINE))
                in_the_summary = parameter == getattr(cls, "argument", None)  # as in `folder:PATH`
                assert times == 1 or (times == 0 and in_the_summary), (name, parameter)

    def test_describe_takes_parameters_that_change_what_a_method_declares(self) -> None:
        assert "order_dependent: false" in invoke("describe", "matchingnet").stdout
        text = invoke("describe", "matchingnet[fce=true]").stdout
        assert "order_dependent: true" in text
        assert "fce: true or false; default false" in text


def test_everything_of_a_name_is_described() -> None:
    text = invoke("describe", "meta_dataset").stdout
    assert "meta_dataset (dataset of benchbench" in text
    assert "meta_dataset (sampler of benchbench.samplers.meta_dataset)" in text
