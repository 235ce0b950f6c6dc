"""benchbench: a benchmark harness for few-shot image classification.

These are the names that plug-ins may rely on. Each is imported when it is first used, so that
`import benchbench` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchbench.augmentations import Augment as Augment
    from benchbench.augmentations import create_augmentation as create_augmentation
    from benchbench.augmentations.base import Augmentation as Augmentation
    from benchbench.backbones import create_backbone as create_backbone
    from benchbench.backbones.base import Backbone as Backbone
    from benchbench.backbones.base import TrainingNeeds as TrainingNeeds
    from benchbench.backbones.blocks import parameter_blocks as parameter_blocks
    from benchbench.datasets.attributes import ClassAttributes as ClassAttributes
    from benchbench.datasets.base import Dataset as Dataset
    from benchbench.datasets.decoded import DecodedClass as DecodedClass
    from benchbench.datasets.decoded import PendingClass as PendingClass
    from benchbench.datasets.open_dataset import OpenDataset as OpenDataset
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
    from benchbench.images import Images as Images
    from benchbench.images import LabelledImages as LabelledImages
    from benchbench.learners.adaptation import Weights as Weights
    from benchbench.learners.adaptation import descend as descend
    from benchbench.learners.adaptation import embed_with as embed_with
    from benchbench.learners.attribute_rule import AttributeRule as AttributeRule
    from benchbench.learners.attribute_rule import SeenPosteriorMethod as SeenPosteriorMethod
    from benchbench.learners.averaging import distance_to_mean as distance_to_mean
    from benchbench.learners.bilinear import bilinear as bilinear
    from benchbench.learners.bilinear import fit_bilinear as fit_bilinear
    from benchbench.learners.binary_logistic import binary_logistic as binary_logistic
    from benchbench.learners.black_box import BlackBoxMethod as BlackBoxMethod
    from benchbench.learners.class_vectors import ClassVectors as ClassVectors
    from benchbench.learners.class_vectors import create_class_vectors as create_class_vectors
    from benchbench.learners.classifier_recipe import ClassifierRecipe as ClassifierRecipe
    from benchbench.learners.classifier_recipe import TrainingPhase as TrainingPhase
    from benchbench.learners.consistency import ConsistencyMethod as ConsistencyMethod
    from benchbench.learners.consistency_pretraining import (
        ConsistencyPretraining as ConsistencyPretraining,
    )
    from benchbench.learners.covariance import RunningCovariance as RunningCovariance
    from benchbench.learners.creation import create_members as create_members
    from benchbench.learners.creation import spec_of as spec_of
    from benchbench.learners.described import DescribedMethod as DescribedMethod
    from benchbench.learners.described import Rule as Rule
    from benchbench.learners.described import SeenClasses as SeenClasses
    from benchbench.learners.described import cosines as cosines
    from benchbench.learners.described import fit_on_features as fit_on_features
    from benchbench.learners.episodic import EpisodicMethod as EpisodicMethod
    from benchbench.learners.episodic import Recipe as Recipe
    from benchbench.learners.gradient import FixedWayMethod as FixedWayMethod
    from benchbench.learners.gradient import InnerLoop as InnerLoop
    from benchbench.learners.gradient import InnerLoopMethod as InnerLoopMethod
    from benchbench.learners.gradient_estimates import random_signs as random_signs
    from benchbench.learners.gradient_estimates import spsa_gradient as spsa_gradient
    from benchbench.learners.image_text import DualEncoder as DualEncoder
    from benchbench.learners.image_text import JointEncoder as JointEncoder
    from benchbench.learners.image_text import PromptedEncoder as PromptedEncoder
    from benchbench.learners.image_text import class_embedding as class_embedding
    from benchbench.learners.image_text import cosine_scale as cosine_scale
    from benchbench.learners.image_text import fit_image_text as fit_image_text
    from benchbench.learners.image_text import info_nce as info_nce
    from benchbench.learners.image_text import pair_loss as pair_loss
    from benchbench.learners.image_text import words_of as words_of
    from benchbench.learners.image_text_method import Head as Head
    from benchbench.learners.image_text_method import ImageTextMethod as ImageTextMethod
    from benchbench.learners.image_text_method import JointSupport as JointSupport
    from benchbench.learners.image_text_pretraining import (
        ImageTextPretraining as ImageTextPretraining,
    )
    from benchbench.learners.inductive import outputs_one_by_one as outputs_one_by_one
    from benchbench.learners.inner_adam import SecondMoments as SecondMoments
    from benchbench.learners.inner_adam import adam_descend as adam_descend
    from benchbench.learners.inner_adam import minibatches as minibatches
    from benchbench.learners.latents import LatentSpace as LatentSpace
    from benchbench.learners.latents import descend_tensor as descend_tensor
    from benchbench.learners.latents import draw_gaussian as draw_gaussian
    from benchbench.learners.latents import gaussian_divergence as gaussian_divergence
    from benchbench.learners.linear import LinearMethod as LinearMethod
    from benchbench.learners.logistic import logistic_regression as logistic_regression
    from benchbench.learners.memory import ExternalMemory as ExternalMemory
    from benchbench.learners.memory import MemoryState as MemoryState
    from benchbench.learners.metric import MetricMethod as MetricMethod
    from benchbench.learners.metric import class_means as class_means
    from benchbench.learners.metric import smoothed_cross_entropy as smoothed_cross_entropy
    from benchbench.learners.normalisation import BatchMoments as BatchMoments
    from benchbench.learners.normalisation import BatchNormBy as BatchNormBy
    from benchbench.learners.normalisation import TaskMoments as TaskMoments
    from benchbench.learners.normalisation import TaskNorm as TaskNorm
    from benchbench.learners.pretrained import Classification as Classification
    from benchbench.learners.pretrained import PretrainedMethod as PretrainedMethod
    from benchbench.learners.pretrained import fit_classifier as fit_classifier
    from benchbench.learners.pretrained import training_mean as training_mean
    from benchbench.learners.pretraining import AS_IT_IS as AS_IT_IS
    from benchbench.learners.pretraining import ObjectiveRecipe as ObjectiveRecipe
    from benchbench.learners.pretraining import Pretraining as Pretraining
    from benchbench.learners.pretraining import Teacher as Teacher
    from benchbench.learners.pretraining import mlp as mlp
    from benchbench.learners.rates import InnerRates as InnerRates
    from benchbench.learners.scaling import Scale as Scale
    from benchbench.learners.sequences import CausalAttention as CausalAttention
    from benchbench.learners.sequences import CausalConvolution as CausalConvolution
    from benchbench.learners.slots import FixedSlots as FixedSlots
    from benchbench.learners.slots import Shuffle as Shuffle
    from benchbench.learners.slots import ShuffledSlots as ShuffledSlots
    from benchbench.learners.solvers import crammer_singer as crammer_singer
    from benchbench.learners.solvers import ridge as ridge
    from benchbench.learners.steps import steps_of as steps_of
    from benchbench.learners.steps import take_steps as take_steps
    from benchbench.learners.strengths import choices as choices
    from benchbench.learners.strengths import powers_of_ten as powers_of_ten
    from benchbench.learners.tuning import TunedCopy as TunedCopy
    from benchbench.learners.tuning import mean_entropy as mean_entropy
    from benchbench.method import Classifier as Classifier
    from benchbench.method import Method as Method
    from benchbench.method import Support as Support
    from benchbench.method import Task as Task
    from benchbench.metrics import metric_facts as metric_facts
    from benchbench.registry.bounds import Bounds as Bounds
    from benchbench.registry.bounds import Share as Share
    from benchbench.registry.hookspecs import hookimpl as hookimpl
    from benchbench.runs.outcome import Outcome as Outcome
    from benchbench.samplers import Sampler as Sampler
    from benchbench.system.vision import torchvision as torchvision
    from benchbench.training.fit import fit as fit
    from benchbench.training.labelled import Batch as Batch
    from benchbench.training.labelled import EpisodeGroup as EpisodeGroup
    from benchbench.training.labelled import LabelledEpisode as LabelledEpisode
    from benchbench.training.lars import LARS as LARS
    from benchbench.training.schedules import constant as constant
    from benchbench.training.schedules import cosine as cosine
    from benchbench.training.schedules import linear as linear
    from benchbench.training.schedules import milestones as milestones
    from benchbench.training.schedules import step_decay as step_decay
    from benchbench.training.source import TrainingSource as TrainingSource

__version__ = "0.1.0"

_HOMES = {
    "AS_IT_IS": "learners.pretraining",
    "AttributeRule": "learners.attribute_rule",
    "SeenPosteriorMethod": "learners.attribute_rule",
    "DescribedMethod": "learners.described",
    "Rule": "learners.described",
    "SeenClasses": "learners.described",
    "cosines": "learners.described",
    "bilinear": "learners.bilinear",
    "fit_bilinear": "learners.bilinear",
    "fit_on_features": "learners.described",
    "choices": "learners.strengths",
    "powers_of_ten": "learners.strengths",
    "binary_logistic": "learners.binary_logistic",
    "Augment": "augmentations",
    "Augmentation": "augmentations.base",
    "Backbone": "backbones.base",
    "Batch": "training.labelled",
    "BatchMoments": "learners.normalisation",
    "BatchNormBy": "learners.normalisation",
    "BenchbenchError": "errors",
    "BlackBoxMethod": "learners.black_box",
    "Bounds": "registry.bounds",
    "CausalAttention": "learners.sequences",
    "CausalConvolution": "learners.sequences",
    "Cell": "grid.cell",
    "ClassAttributes": "datasets.attributes",
    "ClassVectors": "learners.class_vectors",
    "Classification": "learners.pretrained",
    "create_class_vectors": "learners.class_vectors",
    "Classifier": "method",
    "ClassifierRecipe": "learners.classifier_recipe",
    "Collection": "datasets.problem",
    "ConsistencyMethod": "learners.consistency",
    "ConsistencyPretraining": "learners.consistency_pretraining",
    "Dataset": "datasets.base",
    "DecodedClass": "datasets.base",
    "DualEncoder": "learners.image_text",
    "Episode": "episodes",
    "EpisodeGroup": "training.labelled",
    "EpisodeSet": "episodes",
    "EpisodicMethod": "learners.episodic",
    "ExternalMemory": "learners.memory",
    "FixedSlots": "learners.slots",
    "FixedWayMethod": "learners.gradient",
    "GridEngine": "grid.engine",
    "Head": "learners.image_text_method",
    "ImageTextMethod": "learners.image_text_method",
    "ImageTextPretraining": "learners.image_text_pretraining",
    "Images": "method",
    "InnerLoop": "learners.gradient",
    "InnerLoopMethod": "learners.gradient",
    "JointEncoder": "learners.image_text",
    "JointSupport": "learners.image_text_method",
    "InnerRates": "learners.rates",
    "LARS": "training.lars",
    "LabelledEpisode": "training.labelled",
    "LabelledImages": "method",
    "LatentSpace": "learners.latents",
    "LinearMethod": "learners.linear",
    "MemoryState": "learners.memory",
    "Method": "method",
    "MethodError": "errors",
    "MetricMethod": "learners.metric",
    "ObjectiveRecipe": "learners.pretraining",
    "OpenDataset": "datasets.base",
    "Outcome": "runs.outcome",
    "PendingClass": "datasets.base",
    "PretrainedMethod": "learners.pretrained",
    "Pretraining": "learners.pretraining",
    "Problem": "datasets.problem",
    "PromptedEncoder": "learners.image_text",
    "Recipe": "learners.episodic",
    "RunningCovariance": "learners.covariance",
    "Sampler": "samplers",
    "Scale": "learners.scaling",
    "SecondMoments": "learners.inner_adam",
    "Share": "registry.bounds",
    "Shuffle": "learners.slots",
    "ShuffledSlots": "learners.slots",
    "Support": "method",
    "Task": "method",
    "TaskMoments": "learners.normalisation",
    "TaskNorm": "learners.normalisation",
    "Teacher": "learners.pretraining",
    "TrainingNeeds": "backbones.base",
    "TrainingPhase": "learners.classifier_recipe",
    "TrainingSource": "training.source",
    "TunedCopy": "learners.tuning",
    "Weights": "learners.adaptation",
    "adam_descend": "learners.inner_adam",
    "class_embedding": "learners.image_text",
    "class_means": "learners.metric",
    "class_prompts": "datasets.prompts",
    "compute_cell": "grid.computing",
    "constant": "training.schedules",
    "cosine": "training.schedules",
    "cosine_scale": "learners.image_text",
    "crammer_singer": "learners.solvers",
    "create_augmentation": "augmentations",
    "create_members": "learners.creation",
    "create_backbone": "backbones",
    "descend": "learners.adaptation",
    "descend_tensor": "learners.latents",
    "distance_to_mean": "learners.averaging",
    "draw_gaussian": "learners.latents",
    "embed_with": "learners.adaptation",
    "fit": "training.fit",
    "fit_classifier": "learners.pretrained",
    "fit_image_text": "learners.image_text",
    "gaussian_divergence": "learners.latents",
    "hookimpl": "registry.hookspecs",
    "info_nce": "learners.image_text",
    "linear": "training.schedules",
    "mean_entropy": "learners.tuning",
    "logistic_regression": "learners.logistic",
    "metric_facts": "metrics",
    "milestones": "training.schedules",
    "minibatches": "learners.inner_adam",
    "mlp": "learners.pretraining",
    "open_dataset": "datasets.opening",
    "outputs_one_by_one": "learners.inductive",
    "pair_loss": "learners.image_text",
    "parameter_blocks": "backbones.blocks",
    "random_signs": "learners.gradient_estimates",
    "ridge": "learners.solvers",
    "smoothed_cross_entropy": "learners.metric",
    "spec_of": "learners.creation",
    "spsa_gradient": "learners.gradient_estimates",
    "step_decay": "training.schedules",
    "steps_of": "learners.steps",
    "take_steps": "learners.steps",
    "torchvision": "system.vision",
    "training_mean": "learners.pretrained",
    "words_of": "learners.image_text",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'benchbench' has no attribute '{name}'")
    return getattr(importlib.import_module(f"benchbench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
