"""benchbench: a benchmark harness for few-shot image classification.

These are the names that plug-ins may rely on. Each is imported when it is first used, so that
`import benchbench` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchbench.adaptation import BatchMoments as BatchMoments
    from benchbench.adaptation import Weights as Weights
    from benchbench.adaptation import descend as descend
    from benchbench.adaptation import embed_with as embed_with
    from benchbench.backbones import create_backbone as create_backbone
    from benchbench.backbones.base import Backbone as Backbone
    from benchbench.backbones.blocks import parameter_blocks as parameter_blocks
    from benchbench.datasets import open_dataset as open_dataset
    from benchbench.datasets.base import Dataset as Dataset
    from benchbench.datasets.base import DecodedClass as DecodedClass
    from benchbench.datasets.base import OpenDataset as OpenDataset
    from benchbench.datasets.base import PendingClass as PendingClass
    from benchbench.datasets.prompts import class_prompts as class_prompts
    from benchbench.episodes import Episode as Episode
    from benchbench.episodes import EpisodeSet as EpisodeSet
    from benchbench.episodic import EpisodicMethod as EpisodicMethod
    from benchbench.episodic import Recipe as Recipe
    from benchbench.errors import BenchbenchError as BenchbenchError
    from benchbench.errors import MethodError as MethodError
    from benchbench.fixed_way import FixedWayMethod as FixedWayMethod
    from benchbench.full_context import FullContext as FullContext
    from benchbench.hookspecs import hookimpl as hookimpl
    from benchbench.inner_loop import InnerLoop as InnerLoop
    from benchbench.inner_loop import InnerLoopMethod as InnerLoopMethod
    from benchbench.method import Classifier as Classifier
    from benchbench.method import Images as Images
    from benchbench.method import Method as Method
    from benchbench.method import Support as Support
    from benchbench.method import Task as Task
    from benchbench.metric_learning import MetricMethod as MetricMethod
    from benchbench.metric_learning import class_means as class_means
    from benchbench.pretraining import PretrainedMethod as PretrainedMethod
    from benchbench.pretraining import fit_classifier as fit_classifier
    from benchbench.samplers import Sampler as Sampler
    from benchbench.source import TrainingSource as TrainingSource
    from benchbench.streams import Batch as Batch
    from benchbench.streams import LabelledEpisode as LabelledEpisode
    from benchbench.training import constant as constant
    from benchbench.training import cosine as cosine
    from benchbench.training import fit as fit
    from benchbench.training import step_decay as step_decay
    from benchbench.vision import torchvision as torchvision

__version__ = "0.1.0"

_HOMES = {
    "Backbone": "backbones.base",
    "Batch": "streams",
    "BatchMoments": "adaptation",
    "BenchbenchError": "errors",
    "Classifier": "method",
    "Dataset": "datasets.base",
    "DecodedClass": "datasets.base",
    "Episode": "episodes",
    "EpisodeSet": "episodes",
    "EpisodicMethod": "episodic",
    "FixedWayMethod": "fixed_way",
    "FullContext": "full_context",
    "Images": "method",
    "InnerLoop": "inner_loop",
    "InnerLoopMethod": "inner_loop",
    "LabelledEpisode": "streams",
    "Method": "method",
    "MethodError": "errors",
    "MetricMethod": "metric_learning",
    "OpenDataset": "datasets.base",
    "PendingClass": "datasets.base",
    "PretrainedMethod": "pretraining",
    "Recipe": "episodic",
    "Sampler": "samplers",
    "Support": "method",
    "Task": "method",
    "TrainingSource": "source",
    "Weights": "adaptation",
    "class_means": "metric_learning",
    "class_prompts": "datasets.prompts",
    "constant": "training",
    "cosine": "training",
    "create_backbone": "backbones",
    "descend": "adaptation",
    "embed_with": "adaptation",
    "fit": "training",
    "fit_classifier": "pretraining",
    "hookimpl": "hookspecs",
    "open_dataset": "datasets",
    "parameter_blocks": "backbones.blocks",
    "step_decay": "training",
    "torchvision": "vision",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'benchbench' has no attribute '{name}'")
    return getattr(importlib.import_module(f"benchbench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
