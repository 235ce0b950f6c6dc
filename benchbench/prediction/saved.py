"""Learners that were saved in folders: `learner.json`, and safetensors for weights and pictures.

A classifier that a method has made is code and cannot be stored without pickle. What it was made
of can: the trained weights, the labelled pictures as they were decoded, and the seed. Loading
restores the method and has it adapt again, which gives the same bits on the same kind of machine.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from benchbench.errors import BenchbenchError
from benchbench.evaluation.given import Given
from benchbench.method import Task
from benchbench.prediction.labelled import LabelledImages
from benchbench.prediction.learned_classes import learned_classes
from benchbench.prediction.learner import Learner
from benchbench.prediction.own_size import from_arrays
from benchbench.prediction.pictures import PictureReader
from benchbench.prediction.trained import Trained, no_images
from benchbench.runs.manifest import CORE
from benchbench.runs.weights import SHARED
from benchbench.samplers import create_sampler
from benchbench.system.compute import Compute, configure
from benchbench.system.files import file_hash, read_text
from benchbench.training.budget import Budget

LEARNER, SUPPORT, LEARNED = "learner.json", "support.safetensors", "learned.safetensors"
FORMAT = 1
JSON_BYTES = 2**28

CURE = "save it again, or put back what was saved"


def load(folder: Path, place: Path) -> Learner:
    """The learner of a folder; place: gets a copy of its weights.

    Raises BenchbenchError if a file is missing or is not what was saved, or this machine lacks what
    it needs.
    """
    content = _content(folder)
    _refuse_elsewhere(folder, content)
    _check_files(folder, content["files"])
    for name in content["files"]:
        if name not in (SUPPORT, LEARNED):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / name, place / name)
    support, learned = load_file(folder / SUPPORT), load_file(folder / LEARNED)
    reader = PictureReader.from_json(content["pictures"])
    images = from_arrays(support, reader.reading)
    labelled = LabelledImages(images, support["labels"], tuple(content["class_names"]))
    trained = Trained(
        method=content["method"],
        given=_given(content, learned, place),
        source=content["method_source"],
        weight_files=content["weight_files"],
        seconds=content["training_seconds"],
        origin=content["origin"],
    )
    return Learner(trained, labelled, reader, content["adaptation_seed"])


def _given(content: dict[str, Any], arrays: dict[str, Any], place: Path) -> Given:
    learned = learned_classes(content["learned"], arrays)
    sampler, weights = content["sampler"], content["weights"]
    task = Task(**{**content["task"], "image_shape": tuple(content["task"]["image_shape"])})
    given = Given(
        learned=learned,
        test=no_images(learned.image_shape),
        dataset=content["dataset"],
        task=task,
        budget=Budget.parse(content["budget"]),
        seed=content["seed"],
        compute=Compute(**content["compute"]),
        sampler=sampler and create_sampler(sampler),
        restores=content["restores"],
    )
    if weights is None:
        return given
    (place / weights).mkdir(parents=True, exist_ok=True)
    return replace(given, folder=place / weights, shared=place / SHARED)


def _content(folder: Path) -> dict[str, Any]:
    """What `learner.json` holds, as it was saved."""
    file = folder / LEARNER
    try:
        content = json.loads(read_text(file, JSON_BYTES))
        if not isinstance(content, dict) or content["sha256"] != content_sha256(content):
            raise ValueError("it is not what was saved")
    except (ValueError, KeyError, RecursionError) as error:
        raise BenchbenchError(f"{file} is damaged ({error}); {CURE}.") from error
    return content


def _refuse_elsewhere(folder: Path, content: dict[str, Any]) -> None:
    """Raise BenchbenchError if another version has saved it, or a device is missing."""
    if content["format"] != FORMAT or content["core"] != CORE:
        raise BenchbenchError(
            f"{folder} was saved by benchbench {content['benchbench']}, whose methods give other "
            "numbers; save it again by this version."
        )
    configure(content["compute"]["device"])


def _check_files(folder: Path, hashes: dict[str, str]) -> None:
    """Raise BenchbenchError unless each file is what was saved."""
    for name, digest in hashes.items():
        file = folder / name
        if not file.resolve().is_relative_to(folder.resolve()):
            raise BenchbenchError(f"{folder / LEARNER} names a file outside its folder: {name}.")
        try:
            found = file_hash(file)
        except OSError as error:
            reason = error.strerror or error
            raise BenchbenchError(f"{file} cannot be read ({reason}); {CURE}.") from error
        if found != digest:
            raise BenchbenchError(f"{file} is not what was saved; {CURE}.")


def content_sha256(content: dict[str, Any]) -> str:
    """The hash of all entries but the hash itself."""
    rest = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
