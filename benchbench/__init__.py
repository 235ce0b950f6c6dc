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
    from benchbench.backbones.blocks import parameter_blocks as parameter_blocks
    from benchbench.datasets.base import Dataset as Dataset
    from benchbench.datasets.base import DecodedClass as DecodedClass
    from benchbench.datasets.base import OpenDataset as OpenDataset
    from benchbench.datasets.base import PendingClass as PendingClass
    from benchbench.datasets.opening import open_dataset as open_dataset
    from benchbench.datasets.problem import Collection as Collection
    from benchbench.datasets.problem import Problem as Problem
    from benchbench.datasets.prompts import class_prompts as class_prompts
    from benchbench.episodes import Episode as Episode
    from benchbench.episodes import EpisodeSet as EpisodeSet
    from benchbench.errors import BenchbenchError as BenchbenchError
    from benchbench.errors import MethodError as MethodError
    from benchbench.grid.cell import Cell as Cell
    from benchbench.grid.computing import compute_cell as compute_cell
    from benchbench.grid.engine import GridEngine as GridEngine
    from benchbench.learners.adaptation import BatchMoments as BatchMoments
    from benchbench.learners.adaptation import Weights as Weights
    from benchbench.learners.adaptation import descend as descend
    from benchbench.learners.adaptation import embed_with as embed_with
    from benchbench.learners.episodic import EpisodicMethod as EpisodicMethod
    from benchbench.learners.episodic import Recipe as Recipe
    from benchbench.learners.gradient import FixedWayMethod as FixedWayMethod
    from benchbench.learners.gradient import InnerLoop as InnerLoop
    from benchbench.learners.gradient import InnerLoopMethod as InnerLoopMethod
    from benchbench.learners.metric import MetricMethod as MetricMethod
    from benchbench.learners.metric import class_means as class_means
    from benchbench.learners.pretrained import PretrainedMethod as PretrainedMethod
    from benchbench.learners.pretrained import fit_classifier as fit_classifier
    from benchbench.method import Classifier as Classifier
    from benchbench.method import Images as Images
    from benchbench.method import Method as Method
    from benchbench.method import Support as Support
    from benchbench.method import Task as Task
    from benchbench.registry.bounds import Bounds as Bounds
    from benchbench.registry.hookspecs import hookimpl as hookimpl
    from benchbench.runs.outcome import Outcome as Outcome
    from benchbench.samplers import Sampler as Sampler
    from benchbench.system.vision import torchvision as torchvision
    from benchbench.training.fit import constant as constant
    from benchbench.training.fit import cosine as cosine
    from benchbench.training.fit import fit as fit
    from benchbench.training.fit import step_decay as step_decay
    from benchbench.training.source import TrainingSource as TrainingSource
    from benchbench.training.streams import Batch as Batch
    from benchbench.training.streams import LabelledEpisode as LabelledEpisode

__version__ = "0.1.0"

_HOMES = {
    "Backbone": "backbones.base",
    "Batch": "training.streams",
    "BatchMoments": "learners.adaptation",
    "BenchbenchError": "errors",
    "Bounds": "registry.bounds",
    "Cell": "grid.cell",
    "Classifier": "method",
    "Collection": "datasets.problem",
    "Dataset": "datasets.base",
    "DecodedClass": "datasets.base",
    "Episode": "episodes",
    "EpisodeSet": "episodes",
    "EpisodicMethod": "learners.episodic",
    "FixedWayMethod": "learners.gradient",
    "GridEngine": "grid.engine",
    "Images": "method",
    "InnerLoop": "learners.gradient",
    "InnerLoopMethod": "learners.gradient",
    "LabelledEpisode": "training.streams",
    "Method": "method",
    "MethodError": "errors",
    "MetricMethod": "learners.metric",
    "OpenDataset": "datasets.base",
    "Outcome": "runs.outcome",
    "PendingClass": "datasets.base",
    "PretrainedMethod": "learners.pretrained",
    "Problem": "datasets.problem",
    "Recipe": "learners.episodic",
    "Sampler": "samplers",
    "Support": "method",
    "Task": "method",
    "TrainingSource": "training.source",
    "Weights": "learners.adaptation",
    "class_means": "learners.metric",
    "class_prompts": "datasets.prompts",
    "compute_cell": "grid.computing",
    "constant": "training.fit",
    "cosine": "training.fit",
    "create_backbone": "backbones",
    "descend": "learners.adaptation",
    "embed_with": "learners.adaptation",
    "fit": "training.fit",
    "fit_classifier": "learners.pretrained",
    "hookimpl": "registry.hookspecs",
    "open_dataset": "datasets.opening",
    "parameter_blocks": "backbones.blocks",
    "step_decay": "training.fit",
    "torchvision": "system.vision",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'benchbench' has no attribute '{name}'")
    return getattr(importlib.import_module(f"benchbench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
