"""Names and terms of the ten sources."""

import pytest

from benchbench.datasets.meta_dataset.names import ALIASES, LICENCES, canonical
from benchbench.datasets.meta_dataset.spec import SOURCES
from benchbench.errors import BenchbenchError


@pytest.mark.parametrize(
    ("typed", "source"),
    [
        ("aircraft", "aircraft"),
        ("ilsvrc", "ilsvrc_2012"),
        ("ImageNet", "ilsvrc_2012"),
        ("birds", "cu_birds"),
        ("cub", "cu_birds"),
        ("textures", "dtd"),
        ("Quick Draw", "quickdraw"),
        ("flowers", "vgg_flower"),
        ("traffic-signs", "traffic_sign"),
        (" coco ", "mscoco"),
    ],
)
def test_other_names(typed: str, source: str) -> None:
    assert canonical(typed) == source


@pytest.mark.parametrize("source", SOURCES)
def test_own_names(source: str) -> None:
    assert canonical(source) == source
    assert LICENCES[source]


def test_no_alias_hides_a_source() -> None:
    assert not set(ALIASES) & set(SOURCES)
    assert set(ALIASES.values()) <= set(SOURCES)
    assert set(LICENCES) == set(SOURCES)


def test_misspelt_name() -> None:
    with pytest.raises(BenchbenchError, match=r"Meta-Dataset named 'fungy'; did you mean fungi"):
        canonical("fungy")
