"""Episodes as the options of the command line ask for them, and `benchbench episodes make`."""

from __future__ import annotations

from pathlib import Path

from benchbench.datasets.opening import open_dataset
from benchbench.errors import BenchbenchError
from benchbench.samplers.drawing import draw_episodes
from benchbench.system.places import Places


def episodes_command(
    *,
    dataset: str,
    sampler: str,
    data_root: Path | None,
    count: int,
    split: str,
    seed: int,
    out: Path | None,
    **sampling: int | str | None,
) -> str:
    """Draw episodes, save them where a file is named, and say what they are.

    sampling: options of the sampler, None where not given.
    """
    opened = open_dataset(dataset, Places.find(data_root))
    episodes = draw_episodes(opened, sampler, sampling, count, split, seed)
    if out is not None:
        if out.suffix != ".npz":
            raise BenchbenchError(f"--out {out} must end in .npz.")
        episodes.save(out)
    place = f", in {out}" if out else ""
    return (
        f"{opened.name}, {split}: {len(episodes)} episodes {episodes.protocol}, seed {seed}, "
        f"sha256 {episodes.sha256}{place}"
    )
