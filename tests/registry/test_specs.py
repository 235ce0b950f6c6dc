"""Specs: the text that users type, the values that plug-ins get, and the mistakes in between."""

import re
from dataclasses import KW_ONLY, dataclass, field
from typing import Annotated, ClassVar, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sentences import one_sentence

from benchbench.errors import BenchbenchError
from benchbench.registry import specs
from benchbench.registry.bounds import LARGEST_FLOAT, LARGEST_INT, Bounds


@dataclass
class Toy:
    name: ClassVar[str] = "toy"
    steps: int = 5
    rate: float = 0.5
    first_order: bool = False
    backbone: str = "conv4"
    distance: Literal["euclidean", "cosine"] = "euclidean"
    limit: int | None = None
    rule: Literal["all"] | int = "all"

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ValueError("steps must not be negative")


@dataclass
class Folder:
    name: ClassVar[str] = "folder"
    argument: ClassVar[str] = "path"
    path: str
    size: int = 84


@dataclass
class Open:
    """Its class hands on to a library what is no field."""

    name: ClassVar[str] = "open"
    argument: ClassVar[str] = "model"
    open_parameters: ClassVar[str] = "options"
    model: str
    weights: str | None = None
    mean: tuple[float, ...] | None = None
    seen: tuple[str, ...] = ()
    options: dict[str, int | float | bool | str | None] = field(default_factory=dict)
    _: KW_ONLY
    shape: int = 0


class Plain:
    """No dataclass: it has no parameters."""

    name = "plain"


def configured(text: str, cls: type = Toy):
    return specs.configure(cls, specs.parse(text))


# A value as it can be typed: no comma, no outer space, brackets in pairs.
integers = st.integers(-LARGEST_INT, LARGEST_INT)
reals = st.floats(-LARGEST_FLOAT, LARGEST_FLOAT)
word = st.text("abcxyz0189_.=:/-", max_size=8)
typed_text = st.one_of(word, st.builds("{}[a={},b={}]".format, word, word, word))
toys = st.builds(
    Toy,
    steps=st.integers(0, LARGEST_INT),
    rate=reals,
    first_order=st.booleans(),
    backbone=typed_text,
    distance=st.sampled_from(["euclidean", "cosine"]),
    limit=st.none() | integers,
    rule=st.just("all") | integers,
)


@settings(deadline=None)
@given(toys)
def test_canonical_text_makes_an_equal_instance(toy: Toy) -> None:
    assert configured(specs.text_of(toy)) == toy


@settings(deadline=None)
@given(toys)
def test_parameters_of_an_instance_make_an_equal_instance(toy: Toy) -> None:
    assert Toy(**specs.parameters_of(toy)) == toy


@settings(deadline=None)
@given(st.text("abcxyz019_./-", min_size=1), st.integers(1, LARGEST_INT))
def test_text_after_the_colon_survives_a_round_trip(path: str, size: int) -> None:
    folder = Folder(path, size)
    assert configured(specs.text_of(folder), Folder) == folder


open_values = st.one_of(
    st.none(),
    st.booleans(),
    integers,
    reals,
    word.filter(lambda text: isinstance(specs.convert(text, specs.OpenValue), str)),
)
opens = st.builds(
    Open,
    st.text("abcxyz019_./-", min_size=1),
    weights=st.none() | word.filter(lambda text: text.lower() != "none"),
    mean=st.none() | st.lists(st.floats(0, 1), min_size=1).map(tuple),
    seen=st.lists(st.text("abc-1", min_size=1), min_size=1).map(tuple),
    options=st.dictionaries(st.text("opqr_", min_size=1).map("x{}".format), open_values),
)


@settings(deadline=None)
@given(opens)
def test_open_parameters_survive_a_round_trip(made: Open) -> None:
    again = configured(specs.text_of(made), Open)
    assert again == made
    types = [{key: type(v) for key, v in each.options.items()} for each in (again, made)]
    assert types[0] == types[1]
    assert Open(**specs.parameters_of(made)) == made


@settings(deadline=None)
@given(st.text(max_size=20))
def test_any_text_is_parsed_or_refused_in_one_sentence(text: str) -> None:
    try:
        spec = specs.parse(text)
    except BenchbenchError:
        return
    assert text.strip().startswith(spec.name)


@settings(deadline=None)
@given(st.lists(typed_text.filter(bool)))
def test_split_list_undoes_a_join(items: list[str]) -> None:
    assert specs.split_list(",".join(items)) == items


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("knn", specs.Spec("knn")),
        ("  knn[] ", specs.Spec("knn")),
        ("maml[steps=5, rate = 0.1]", specs.Spec("maml", None, {"steps": "5", "rate": "0.1"})),
        ("folder:/a/b[size=84]", specs.Spec("folder", "/a/b", {"size": "84"})),
        ("folder:C:/a", specs.Spec("folder", "C:/a")),
        ("hf:user/set", specs.Spec("hf", "user/set")),
        (
            "knn[backbone=timm[name=resnet18,layer=3],k=2]",
            specs.Spec("knn", None, {"backbone": "timm[name=resnet18,layer=3]", "k": "2"}),
        ),
        ("a[b=c[d=e[f=g,h=i]]]", specs.Spec("a", None, {"b": "c[d=e[f=g,h=i]]"})),
        ("a[b=c=d]", specs.Spec("a", None, {"b": "c=d"})),
        ("a[b=]", specs.Spec("a", None, {"b": ""})),
    ],
)
def test_parse_known_answers(text: str, expected: specs.Spec) -> None:
    assert specs.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "path", "size"),
    [
        ("folder:birds [2020]", "birds [2020]", 84),
        ("folder:birds [2020][size=5]", "birds [2020]", 5),
        ("folder:[x]", "[x]", 84),
        ("folder:a [b=c][]", "a [b=c]", 84),
        ("folder:a [b=c][size=5]", "a [b=c]", 5),
        ("folder:a[]", "a", 84),
    ],
)
def test_brackets_in_an_argument(text: str, path: str, size: int) -> None:
    made = specs.configure(Folder, specs.parse(text))
    assert (made.path, made.size) == (path, size)
    assert specs.configure(Folder, specs.parse(specs.text_of(made))) == made


def test_split_list_keeps_commas_in_brackets_and_drops_empty_items() -> None:
    assert specs.split_list("a[x=1,y=b[z=2,w=3]], b ,,c") == ["a[x=1,y=b[z=2,w=3]]", "b", "c"]


MALFORMED = [
    *("", " ", "5way", "a b", "[k=1]", ":x", "knn[k=1", "knn]", "knn[k=1]]", "knn[[k=1]"),
    *("knn[k=1][", "knn[k=a]b]", "knn[k]", "knn[=1]", "knn[k=1,k=2]", "knn[k=1]x"),
]


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_text_is_one_benchbench_error(text: str) -> None:
    with one_sentence(r"\.$"):
        specs.parse(text)


@pytest.mark.parametrize("text", ["a[b", "a]b[", "a]", "[[a]"])
def test_unbalanced_list_is_refused(text: str) -> None:
    with one_sentence("unbalanced brackets"):
        specs.split_list(text)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("toy[steps=7]", "steps", 7),
        ("toy[rate=1e-3]", "rate", 0.001),
        ("toy[rate=2]", "rate", 2.0),
        ("toy[first_order=True]", "first_order", True),
        ("toy[first_order=yes]", "first_order", True),
        ("toy[first_order=1]", "first_order", True),
        ("toy[first_order=FALSE]", "first_order", False),
        ("toy[first_order=no]", "first_order", False),
        ("toy[first_order=0]", "first_order", False),
        ("toy[distance=cosine]", "distance", "cosine"),
        ("toy[limit=none]", "limit", None),
        ("toy[limit=None]", "limit", None),
        ("toy[limit=3]", "limit", 3),
        ("toy[rule=all]", "rule", "all"),
        ("toy[rule=4]", "rule", 4),
        ("toy[backbone=none]", "backbone", "none"),
    ],
)
def test_values_get_the_declared_type(text: str, field: str, value: object) -> None:
    found = getattr(configured(text), field)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("kind", [str | None, None | str], ids=str)
def test_none_is_none_wherever_it_stands_in_a_union(kind: object) -> None:
    assert specs.convert("none", kind) is None
    assert specs.convert("nothing", kind) == "nothing"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("toy[steps=many]", "steps=many is not a whole number"),
        ("toy[steps=1.5]", "steps=1.5 is not a whole number"),
        ("toy[rate=fast]", "rate=fast is not a number"),
        ("toy[first_order=maybe]", "first_order=maybe is not true or false"),
        ("toy[distance=city]", "distance=city is not one of euclidean, cosine"),
        ("toy[limit=few]", "limit=few is not a whole number or none"),
        ("toy[steps=-1]", "toy: steps must not be negative"),
        ("toy[stps=1]", "did you mean steps"),
        ("toy[qqqq=1]", "known: backbone, distance, first_order, limit, rate, rule, steps"),
        ("toy:here", "'toy' takes nothing after a colon"),
    ],
)
def test_a_wrong_value_is_told_in_one_sentence(text: str, message: str) -> None:
    with one_sentence(re.escape(message)):
        configured(text)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("open:net", {}),
        ("open:net[pad_type=same]", {"pad_type": "same"}),
        ("open:net[weights=w,b=1,a=1.5]", {"a": 1.5, "b": 1}),
        ("open:net[a=true,b=No,c=none,d=1e-3]", {"a": True, "b": False, "c": None, "d": 0.001}),
        ("open:net[layer=a[b=1,c=2]]", {"layer": "a[b=1,c=2]"}),
    ],
)
def test_other_keys_are_collected(text: str, options: dict[str, object]) -> None:
    made = configured(text, Open)
    assert made.options == options
    assert {key: type(value) for key, value in made.options.items()} == {
        key: type(value) for key, value in options.items()
    }


def test_canonical_text_sorts_the_other_keys() -> None:
    made = configured("open:a/b.c[z=01,weights=/v1.2/w.safetensors,mean=0.50+.25,b=yes]", Open)
    expected = "open:a/b.c[weights=/v1.2/w.safetensors,mean=0.5+0.25,b=true,z=1]"
    assert specs.text_of(made) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("open:net[shape=3]", "no parameter of open named 'shape'"),
        ("open:net[options=3]", "no parameter of open named 'options'"),
        ("open:net[mean=0.5+x]", "mean=0.5+x is not numbers joined by + or none"),
        ("open[x=1]", "'open' needs its model: open:MODEL"),
    ],
)
def test_not_every_key_is_open(text: str, message: str) -> None:
    with one_sentence(re.escape(message)):
        configured(text, Open)


def test_a_spec_in_a_spec_keeps_its_path_and_options() -> None:
    inner = "timm:mobilenetv2_100[pad_type=same,weights=/a.b/c-d/e_1.0.safetensors]"
    toy = configured(f"toy[backbone={inner},steps=2]")
    assert (toy.backbone, toy.steps) == (inner, 2)
    assert configured(specs.text_of(toy)) == toy
    parsed = specs.parse(toy.backbone)
    assert (parsed.name, parsed.argument) == ("timm", "mobilenetv2_100")
    assert parsed.parameters["weights"] == "/a.b/c-d/e_1.0.safetensors"


def test_a_class_without_parameters_takes_none() -> None:
    assert isinstance(configured("plain", Plain), Plain)
    assert specs.text_of(Plain()) == "plain"
    with one_sentence("There is no parameter of plain named 'k'"):
        configured("plain[k=1]", Plain)


def test_the_argument_is_required_and_may_be_a_parameter() -> None:
    assert configured("folder:/a", Folder) == configured("folder[path=/a]", Folder)
    with one_sentence(r"'folder' needs its path: folder:PATH"):
        configured("folder", Folder)


def test_the_argument_given_twice_is_refused() -> None:
    with one_sentence("path"):
        configured("folder:/a[path=/b]", Folder)


def test_a_missing_required_parameter_is_named() -> None:
    @dataclass
    class Needy:
        weights: str

    with one_sentence("weights"):
        specs.configure(Needy, specs.parse("needy"))


def test_keyword_only_fields_are_not_the_users() -> None:
    @dataclass
    class Network:
        width: int = 64
        _: KW_ONLY
        channels: int = 1

    assert list(specs.parameter_types(Network)) == ["width"]
    given = specs.arguments(Network, specs.parse("network[width=8]"))
    made = specs.construct(Network, "network", **given, channels=3)
    assert (made.width, made.channels) == (8, 3)
    with one_sentence("channels"):
        specs.configure(Network, specs.parse("network[channels=3]"))


def test_canonical_text_leaves_out_defaults_and_keeps_the_order_of_the_fields() -> None:
    assert specs.text_of(Toy()) == "toy"
    toy = configured("toy[limit=none,first_order=yes,steps=05,rate=0.50]")
    assert specs.text_of(toy) == "toy[first_order=true]"
    assert specs.text_of(configured("toy[rate=1,steps=2]")) == "toy[steps=2,rate=1.0]"
    assert specs.text_of(Folder("/a", 28)) == "folder:/a[size=28]"


def test_parameters_include_the_defaults() -> None:
    assert specs.parameters_of(Folder("/a")) == {"path": "/a", "size": 84}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (int, "int"),
        (bool, "true or false"),
        (Literal["a", 2], "one of a, 2"),
        (float | None, "float or none"),
        (Literal["all"] | int, "all or int"),
        (tuple[float, ...] | None, "floats joined by + or none"),
        (Annotated[int, Bounds(ge=1, le=9, unit="pixel")], "int (at least 1 pixel and at most 9)"),
        (tuple[Annotated[float, Bounds(gt=0)], ...], "floats joined by + (each above 0)"),
    ],
)
def test_type_names_read_as_english(kind: object, words: str) -> None:
    assert specs.type_name(kind) == words


@pytest.mark.parametrize("name", ["CIFAR-FS", "cifar_fs", "Cifar FS", " cifar.fs!"])
def test_names_are_compared_without_case_and_signs(name: str) -> None:
    assert specs.plain(name) == "cifarfs"
