"""The dask engine on a real cluster of two workers, one of which is killed."""

import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import clusters
from support.installations import forget

from benchbench.errors import BenchbenchError
from benchbench.grid.dask import Dask

pytestmark = pytest.mark.skipif(
    not os.environ.get("BENCHBENCH_REQUIRE_DASK")
    and importlib.util.find_spec("distributed") is None,
    reason="the extra dask is not installed",
)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from distributed import LocalCluster

    site = clusters.installed(tmp_path)
    monkeypatch.syspath_prepend(str(site))
    for name, value in {**clusters.ENVIRONMENT, "PYTHONPATH": str(site)}.items():
        monkeypatch.setenv(name, value)
    forget()
    options = {"n_workers": 2, "threads_per_worker": 1, "memory_limit": None}
    with LocalCluster(**options, dashboard_address=None) as cluster:
        yield cluster
    forget()


def test_a_cluster_gives_the_bytes_of_a_serial_run_though_a_worker_is_killed(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import Client

    monkeypatch.chdir(tmp_path)
    out, killed = Path("results"), []

    def kill() -> None:
        with Client(cluster.scheduler_address) as client:
            pids = client.run(os.getpid)
            killed.extend(pids[address] for address, tasks in client.processing().items() if tasks)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)

    cells = clusters.cells(out)
    engine = Dask(cluster.scheduler_address)
    assert engine.at_once() == 2
    with clusters.meanwhile(lambda: clusters.checkpoint(out), kill):
        outcomes = dict(engine.compute(cells))
    assert [(outcomes[cell].status, outcomes[cell].reason) for cell in cells] == [
        ("finished", ""),
        ("finished", ""),
    ]
    assert killed
    assert clusters.stored(out) == clusters.serial(tmp_path / "serial")


def test_a_scheduler_that_is_not_there_is_one_sentence() -> None:
    engine = Dask("tcp://127.0.0.1:1", patience=0.2)
    with pytest.raises(BenchbenchError, match=r"There is no Dask scheduler at tcp://127.0.0.1:1"):
        list(engine.compute([]))


def test_an_address_that_is_none_is_one_sentence() -> None:
    with pytest.raises(BenchbenchError, match="There is no Dask scheduler at nowhere"):
        list(Dask("nowhere", patience=0.2).compute([]))
