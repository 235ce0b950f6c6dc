"""The method of a stored run, as it was when the run was scored."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from benchbench.datasets.opening import create_dataset, open_problems
from benchbench.datasets.problem import Collection, Problem
from benchbench.datasets.reading.conversion import WHITE
from benchbench.datasets.reading.deep_greys import SIXTEEN_BITS
from benchbench.datasets.reading.encoded_pictures import Reading
from benchbench.datasets.reading.offline import no_downloads
from benchbench.errors import BenchbenchError
from benchbench.evaluation.given import Given
from benchbench.evaluation.nonce import Nonce
from benchbench.evaluation.task import n_attributes, training_task
from benchbench.evaluation.unlabelled_part import given_to_learn, has_training_part
from benchbench.method import Task
from benchbench.prediction.own_size import reading_of
from benchbench.prediction.pictures import PictureReader
from benchbench.prediction.trained import Trained, no_images
from benchbench.runs.directory import RunDirectory
from benchbench.runs.manifest import compute_of, training_identity
from benchbench.runs.names import run_hash
from benchbench.runs.reading import CURE
from benchbench.runs.weights import OWN, SHARED, copy_weights
from benchbench.samplers import Sampler, create_sampler
from benchbench.system.framing import NATIVE
from benchbench.system.places import Places
from benchbench.system.progress import say
from benchbench.training.budget import Budget
from benchbench.verification.differences import Findings
from benchbench.verification.lacking import lacking
from benchbench.verification.redrawing import sampler_of
from benchbench.verification.weights import wrong_weights

READ_ALIKE = "folder"
"""The data set whose images are read by the rules for new pictures."""


def trained_in(run: RunDirectory, places: Places, folder: Path) -> tuple[Trained, PictureReader]:
    """The method of a finished run, and how the pictures of its data were read.

    folder: gets a copy of the weights. Raises BenchbenchError that names what of the run is not
    here, or is not what was stored.
    """
    _refuse_unusable(run)
    manifest = run.manifest
    identity = manifest["identity"]
    problem = _problem_of(run, places)
    task = training_task(problem, _task_of(manifest, problem))
    own, shared = folder / OWN, folder / SHARED
    kept_as = OWN
    if problem.collection:
        kept_as = f"{identity['method']}-{run_hash(training_identity(identity, task))}"
        own = shared / kept_as
    for place in (own, shared):
        place.mkdir(parents=True, exist_ok=True)
    copy_weights(run, own, shared, kept_as)
    nonce = _nonce_of(manifest)
    training_labels = manifest["method"].get("training_labels", "all")
    given = Given(
        learned=given_to_learn(problem.train, nonce, task, training_labels),
        test=no_images(problem.test.image_shape),
        dataset=problem.test.name,
        task=task,
        budget=Budget.parse(identity["budget"]),
        seed=identity["seed"],
        compute=compute_of(manifest),
        folder=own,
        shared=shared,
        sampler=_sampler_of(manifest),
        restores=True,
    )
    trained = Trained(
        method=manifest["method"]["spec"],
        given=given,
        source=identity.get("method_source", ""),
        weight_files=identity.get("weight_files", {}),
        seconds=[record["seconds"] for record in manifest.get("training", ())],
        origin=f"the run {run.path}",
    )
    return trained, _reader_of(problem)


def _refuse_unusable(run: RunDirectory) -> None:
    """Raise BenchbenchError if something of the run, its data aside, is missing or altered."""
    if run.is_foreign:
        raise BenchbenchError(f"{run.path} is stored in the format of another version; {CURE}.")
    if run.status != "finished":
        raise BenchbenchError(
            f"The run {run.path} is {run.status or 'empty'}, not finished; run its command again."
        )
    for missing in lacking(run, retrain=False):
        sentence, _, _ = missing.sentence.partition("; --retrain")
        raise BenchbenchError(f"The run {run.path} cannot be used here: {sentence}; {CURE}.")
    for wrong in wrong_weights(run, Findings(run.path)):
        raise BenchbenchError(f"The run {run.path} cannot be used: {wrong.sentence}; {CURE}.")


def _problem_of(run: RunDirectory, places: Places) -> Problem:
    """The run's data. Raises BenchbenchError if they are not here, or are other data."""
    name, identity = run.manifest["dataset"]["name"], run.manifest["identity"]
    try:
        with no_downloads():
            problems = open_problems(name, places)
    except BenchbenchError as error:
        raise BenchbenchError(
            f"The method of {run.path} is restored with its training data, and these cannot be "
            f"opened: {error}"
        ) from error
    for problem in problems:
        found = problem.test.fingerprint, problem.test.splits_sha256
        if found == (identity["fingerprint"], identity["splits"]):
            return problem
    raise BenchbenchError(
        f"{name} has other images or splits here than in the run {run.path}; put back those that "
        "it was run on, or run its command again."
    )


def _task_of(manifest: dict[str, Any], problem: Problem) -> Task:
    facts, sampler = manifest["episodes"], _sampler_of(manifest)
    return Task(
        problem.spec,
        manifest["identity"]["protocol"],
        problem.test.image_shape,
        facts.get("way"),
        facts.get("shot"),
        facts.get("query"),
        has_class_names=problem.test.names_are_words,
        has_training_classes=len(problem.train.splits.get("train", ())) > 0,
        has_unlabelled_part=not problem.collection and has_training_part(problem.train),
        n_attributes=n_attributes(problem),
        n_unlabelled=getattr(sampler, "unlabelled", 0 if "unlabelled" not in facts else None),
        n_distractors=getattr(sampler, "distractors", 0 if "unlabelled" not in facts else None),
    )


def _nonce_of(manifest: dict[str, Any]) -> Nonce:
    """The run's own; images that are learned from are known by other numbers without it."""
    if "nonce" in manifest:
        return Nonce(bytes.fromhex(manifest["nonce"]))
    return Nonce.derived(b"predict", run_hash(manifest["identity"]))


def _sampler_of(manifest: dict[str, Any]) -> Sampler | None:
    if manifest["episodes"].get("sampler", "") is None:
        return None
    return create_sampler(sampler_of(manifest))


def _parameters_of(problem: Problem) -> tuple[str, dict[str, Any]]:
    """The name and the parameters of the tested data set; none of one without a spec."""
    with suppress(BenchbenchError):
        made = create_dataset(problem.test.name)
        return made.name, {} if isinstance(made, Collection) else vars(made)
    return problem.test.name, {}


def _reader_of(problem: Problem) -> PictureReader:
    """How the pictures of the tested data were read, as far as its parameters say that.

    Raises BenchbenchError if the images are neither squares nor pictures at their own size.
    """
    height, width, channels = problem.test.image_shape
    if reading := reading_of(problem.test.pixels):
        return _native_reader(problem, reading)
    if height != width or channels not in (1, 3):
        raise BenchbenchError(
            f"The images of {problem.test.name} are {height} x {width} x {channels}; new pictures "
            "can only be made squares in grey or colour."
        )
    name, parameters = _parameters_of(problem)
    reader = PictureReader(
        height,
        "L" if channels == 1 else "RGB",
        parameters.get("background", WHITE),
        parameters.get("interpolation", "bilinear"),
    )
    _say_unlike(name, f"made {height} x {width} pixels in {'grey' if channels == 1 else 'colour'}")
    return reader


def _native_reader(problem: Problem, reading: Reading) -> PictureReader:
    """The same of pictures at their own size, which a backbone frames as it framed those."""
    colour = "grey" if reading.mode == "L" else "colour"
    _say_unlike(_parameters_of(problem)[0], f"read at their own size in {colour}")
    scale = reading.scale or SIXTEEN_BITS
    return PictureReader(NATIVE, reading.mode, reading.background, scale=scale)


def _say_unlike(name: str, what: str) -> None:
    if name != READ_ALIKE:
        say(
            f"pictures are {what} as `folder:` does it; if {name} crops, inverts or "
            "draws its images, give pictures that look like those"
        )
