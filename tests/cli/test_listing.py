"""`benchbench list` and `benchbench describe`."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import PACKAGES, assert_one_sentence, invoke, process, succeeded
from support.installations import Installation, pretended

from benchbench.cli.listing import MARKED
from benchbench.cli.method_tables import FAMILIES
from benchbench.registry import entry_points, inspection, loading, specs
from benchbench.registry.declarations import by_default
from benchbench.registry.description import REGISTERED


class TestInformation:
    def test_list_names_all_with_a_summary_and_a_home(self) -> None:
        listed = invoke("list").stdout
        for kind in entry_points.KINDS:
            for name, provenance in entry_points.available(kind).items():
                lines = [x for x in listed.splitlines() if x.split()[:1] == [name]]
                (line,) = [x for x in lines if inspection.summary(provenance, kind) in x]
                assert f"[{provenance.package} {provenance.version}]" in line
        assert "glyphs" not in invoke("list", "methods").stdout
        assert "knn" not in invoke("list", "datasets").stdout

    @pytest.mark.parametrize("kind", ["backbones", "samplers", "metrics", "class_vectors"])
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
            ("class_vectors", "words"),
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
        assert inspection.summary(entry_points.available(kind)[name], kind) in result.stdout
        assert "parameters:" in result.stdout
        assert "No description" not in result.stdout
        assert "<property" not in result.stdout

    @pytest.mark.parametrize("name", ["conv4", "pixels", "resnet12", "timm", "torchvision"])
    def test_describe_a_backbone(self, name: str) -> None:
        cls = loading.registered("register_backbones")[name]
        text = invoke("describe", name).stdout
        assert f"{name} (backbone of {cls.__module__})" in text
        assert cls.__doc__.splitlines()[0] in text
        for parameter in specs.parameter_types(cls):
            assert f"\n  {parameter}: " in text
        assert ("any other key" in text) == (specs.open_parameters(cls) is not None)

    def test_describe_class_vectors(self) -> None:
        text = invoke("describe", "file").stdout
        assert "file (class vectors of benchbench.learners.class_vectors)" in text
        assert "weights: str; required" in text

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
        for kind in ("backbone", "sampler", "augmentation", "class vectors"):
            things = loading.registered(REGISTERED[kind])
            found += [(kind, name, thing) for name, thing in things.items()]
        for kind, name, cls in found:
            _, _, text = invoke("describe", name).stdout.partition(f"{name} ({kind} of ")
            explanation, _, _ = text.partition("\nparameters:\n")
            for parameter in specs.parameter_types(cls):
                pattern = rf"^(?:\w+, )*{parameter}(?:, \w+)*: "
                times = len(re.findall(pattern, explanation, re.MULTILINE))
                in_the_summary = parameter == getattr(cls, "argument", None)  # as in `folder:PATH`
                assert times == 1 or (times == 0 and in_the_summary), (name, parameter)

    @pytest.mark.parametrize("name", sorted(entry_points.available("method")))
    def test_describe_says_what_a_method_declares_by_default(self, name: str) -> None:
        text = invoke("describe", name).stdout
        assert "<" not in text.partition("uses_class_names: ")[2]
        told = "uses_class_names: true\n" in text
        made = by_default(loading.load("method", name))
        # The class, where a library is missing, has a property that its parameters decide on.
        assert told == (getattr(made, "uses_class_names", False) is True)

    def test_describe_takes_parameters_that_change_what_a_method_declares(self) -> None:
        assert "order_dependent: false" in invoke("describe", "matchingnet").stdout
        text = invoke("describe", "matchingnet[fce=true]").stdout
        assert "order_dependent: true" in text
        assert "fce: true or false; default false" in text
        for spec, of_names in (("eszsl", "false"), ("eszsl[vectors=words]", "true")):
            assert f"uses_class_names: {of_names}\n" in invoke("describe", spec).stdout

    def test_describe_says_what_the_parameters_of_a_corpus_are(self) -> None:
        for name in ("word2vec", "fasttext"):
            text = invoke("describe", name).stdout
            assert "window: the farthest of two words that count as neighbours" in text


def test_everything_of_a_name_is_described() -> None:
    text = invoke("describe", "meta_dataset").stdout
    assert "meta_dataset (dataset of benchbench" in text
    assert "meta_dataset (sampler of benchbench.samplers.meta_dataset)" in text


STATED = '''
from dataclasses import dataclass
from benchbench import Method, hookimpl

class Base(Method):
    family = "of its own"
    paper = "arXiv:1234.56789"

@dataclass
class Toy(Base):
    """A | toy."""
    name = "toy"
    fixed_way = True
    size: int
    mode: str = "a|b"

@hookimpl
def register_methods(register):
    register(Toy)
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    with pretended(tmp_path, monkeypatch) as installation:
        yield installation


class TestFamilies:
    def test_what_the_source_says_is_what_the_class_says(self) -> None:
        for name, entry in entry_points.available("method").items():
            assert inspection.family(entry) == loading.load("method", name).family

    def test_every_method_of_ours_has_a_known_family(self) -> None:
        ours = [one for one in entry_points.available("method").values() if _is_ours(one)]
        assert {inspection.family(one) for one in ours} == set(FAMILIES)

    def test_the_list_shows_it_behind_the_name(self) -> None:
        text = invoke("list", "methods").stdout
        assert re.search(r"^  protonet +metric-based +Each query", text, re.MULTILINE)
        assert "black-box" not in invoke("list", "datasets").stdout

    def test_a_base_class_of_the_module_may_say_it(self, installed: Installation) -> None:
        installed.method("toy", STATED)
        installed.method("plain")
        text = invoke("list", "methods").stdout
        assert "  toy    of its own  A | toy." in text
        assert "  plain  other       A toy." in text

    def test_describe_says_it_with_the_address_of_the_paper(self) -> None:
        text = invoke("describe", "snail").stdout
        assert "family: black-box\n" in text
        assert "paper: arXiv:1707.03141 https://arxiv.org/abs/1707.03141\n" in text
        assert "fixed_way: true\n" in text
        assert "fixed_way: false\n" in invoke("describe", "protonet").stdout


def _is_ours(provenance: entry_points.Provenance) -> bool:
    return provenance.package == "benchbench"


class TestMarkdown:
    def test_methods_of_others_have_tables_of_their_own(self, installed: Installation) -> None:
        installed.method("toy", STATED)
        installed.method("plain", package="else")
        text = succeeded("list", "methods", "--format", "markdown").stdout
        assert text.index("### Of its own") < text.index("### Other")
        link = "[arXiv:1234.56789](https://arxiv.org/abs/1234.56789)"
        facts = f"{link} | inductive | does not count | fixed | not read |"
        assert f"| `toy` | A \\| toy. | {facts}" in text
        assert "| `toy` | `size` | int | required |\n" in text
        assert "| `toy` | `mode` | str | `a\\|b` |\n" in text
        assert "| `plain` | A toy. |  | inductive | does not count | any | not read |" in text
        only = succeeded("list", "methods", "--format", "markdown", "--package", "else").stdout
        assert "plain" in only
        assert "toy`" not in only

    def test_the_tables_go_between_the_marked_lines(
        self, installed: Installation, tmp_path: Path
    ) -> None:
        installed.method("toy", STATED)
        file = tmp_path / "methods.md"
        file.write_text(f"# Ours\n\n{MARKED.around('old')}\n\nMore.\n")
        succeeded("list", "methods", "--format", "markdown", "--into", file)
        tables = succeeded("list", "methods", "--format", "markdown").stdout
        assert file.read_text() == f"# Ours\n\n{MARKED.around(tables)}\n\nMore.\n"

    def test_a_file_without_the_lines_is_left_alone(self, installed, tmp_path: Path) -> None:
        installed.method("toy", STATED)
        file = tmp_path / "methods.md"
        options = ("list", "methods", "--format", "markdown", "--into", file)
        assert_one_sentence(invoke(*options), "There is no file")
        file.write_text("Nothing.\n")
        assert_one_sentence(invoke(*options), MARKED.begin)
        assert file.read_text() == "Nothing.\n"

    @pytest.mark.parametrize(
        "arguments",
        ["all --format markdown", "methods --package x", "methods --into x"],
    )
    def test_markdown_is_for_methods_and_its_options_for_it(self, arguments: str) -> None:
        assert_one_sentence(invoke("list", *arguments.split()), "--format markdown")
