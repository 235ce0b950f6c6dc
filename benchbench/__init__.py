"""benchbench: a benchmark harness for few-shot image classification.

These are the names that plug-ins may rely on. Each is imported when it is first used, so that
`import benchbench` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchbench.backbones import create_backbone as create_backbone
    from benchbench.backbones.base import Backbone as Backbone
    from benchbench.datasets import open_dataset as open_dataset
    from benchbench.datasets.base import Dataset as Dataset
    from benchbench.datasets.base import DecodedClass as DecodedClass
    from benchbench.datasets.base import OpenDataset as OpenDataset
    from benchbench.datasets.prompts import class_prompts as class_prompts
    from benchbench.episodes import Episode as Episode
    from benchbench.episodes import EpisodeSet as EpisodeSet
    from benchbench.errors import BenchbenchError as BenchbenchError
    from benchbench.errors import MethodError as MethodError
    from benchbench.hookspecs import hookimpl as hookimpl
    from benchbench.inner_loop import BatchMoments as BatchMoments
    from benchbench.inner_loop import InnerLoopMethod as InnerLoopMethod
    from benchbench.inner_loop import Weights as Weights
    from benchbench.inner_loop import descend as descend
    from benchbench.inner_loop import embed_with as embed_with
    from benchbench.method import Classifier as Classifier
    from benchbench.method import Images as Images
    from benchbench.method import Method as Method
    from benchbench.method import Support as Support
    from benchbench.method import Task as Task
    from benchbench.pretraining import fit_classifier as fit_classifier
    from benchbench.samplers import Sampler as Sampler
    from benchbench.source import Batch as Batch
    from benchbench.source import LabelledEpisode as LabelledEpisode
    from benchbench.source import TrainingSource as TrainingSource
    from benchbench.training import cosine as cosine
    from benchbench.training import fit as fit
    from benchbench.training import step_decay as step_decay

__version__ = "0.1.0"

_HOMES = {
    "Backbone": "backbones.base",
    "Batch": "source",
    "BatchMoments": "inner_loop",
    "BenchbenchError": "errors",
    "Classifier": "method",
    "Dataset": "datasets.base",
    "DecodedClass": "datasets.base",
    "Episode": "episodes",
    "EpisodeSet": "episodes",
    "Images": "method",
    "InnerLoopMethod": "inner_loop",
    "LabelledEpisode": "source",
    "Method": "method",
    "MethodError": "errors",
    "OpenDataset": "datasets.base",
    "Sampler": "samplers",
    "Support": "method",
    "Task": "method",
    "TrainingSource": "source",
    "Weights": "inner_loop",
    "class_prompts": "datasets.prompts",
    "cosine": "training",
    "create_backbone": "backbones",
    "descend": "inner_loop",
    "embed_with": "inner_loop",
    "fit": "training",
    "fit_classifier": "pretraining",
    "hookimpl": "hookspecs",
    "open_dataset": "datasets",
    "step_decay": "training",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'benchbench' has no attribute '{name}'")
    return getattr(importlib.import_module(f"benchbench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
