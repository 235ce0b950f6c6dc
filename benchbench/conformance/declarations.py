"""The contract of a method's code: what it is sent as, imported, typed as, and says of itself."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import subprocess
import sys
from dataclasses import fields, is_dataclass
from typing import Any

from benchbench.conformance.contract import training_of
from benchbench.conformance.outcomes import CheckFailed, NotApplicable
from benchbench.conformance.under_test import Bench
from benchbench.errors import BenchbenchError
from benchbench.evaluation.participant import pretrained_on
from benchbench.registry import specs

FOREIGN_FRAMEWORKS = ("tensorflow", "jax", "keras", "mxnet", "paddle")
WEIGHT_FILES = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".h5", ".npz", ".pkl", ".tar")


def check_pickle(bench: Bench) -> None:
    """A configured method can be sent to another process."""
    method = bench.fresh()
    try:
        sent = pickle.loads(pickle.dumps(method))
    except Exception as error:
        raise CheckFailed(f"pickling raises {type(error).__name__}: {error}") from error
    before, after = specs.text_of(method), specs.text_of(sent)
    if before != after:
        raise CheckFailed(f"{before} arrives in another process as {after}")


def check_import(bench: Bench) -> None:
    """Importing the method's module prints nothing, seeds nothing, loads no other framework."""
    module = type(bench.method).__module__
    if module == "__main__":
        raise NotApplicable("its class is defined in the main program")
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT, module, *FOREIGN_FRAMEWORKS],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["it exits"]
        raise CheckFailed(f"{module} cannot be imported in a fresh process: {reason[0]}")
    *printed, report = done.stdout.splitlines()
    if printed:
        raise CheckFailed(f"importing {module} prints '{printed[0]}'")
    if effects := json.loads(report):
        raise CheckFailed(f"importing {module} {' and '.join(effects)}")


_IMPORT = """
import importlib, json, random, sys
import numpy, torch
module, *frameworks = sys.argv[1:]
effects = []
def noted(effect):
    return lambda *arguments, **options: effects.append(effect)
random.seed = noted("seeds `random`")
numpy.random.seed = noted("seeds NumPy")
torch.manual_seed = torch.random.manual_seed = noted("seeds torch")
def settings():
    return {
        "sets the number of threads": torch.get_num_threads(),
        "sets the default dtype": str(torch.get_default_dtype()),
        "turns gradients off": torch.is_grad_enabled(),
    }
before = settings()
importlib.import_module(module)
after = settings()
effects += [effect for effect in before if before[effect] != after[effect]]
effects += [f"imports {name}" for name in frameworks if name in sys.modules]
print(json.dumps(effects))
"""


def check_parameters(bench: Bench) -> None:
    """Parameters are dataclass fields, and their values read back from a spec unchanged."""
    cls = type(bench.method)
    names: set[str] = {f.name for f in fields(cls) if f.init} if is_dataclass(cls) else set()
    if unknown := [name for name in inspect.signature(cls).parameters if name not in names]:
        raise CheckFailed(
            f"{cls.__name__}({', '.join(unknown)}): no field of a dataclass, so no spec can set it"
        )
    method = bench.fresh()
    for name, kind in specs.parameter_types(cls).items():
        _must_be_readable(name, getattr(method, name), kind)
    text = specs.text_of(method)
    try:
        again = specs.configure(cls, specs.parse(text))
    except BenchbenchError as error:
        raise CheckFailed(f"its spec {text} is refused: {error}") from error
    if specs.parameters_of(again) != specs.parameters_of(method):
        raise CheckFailed(f"its spec {text} reads back as {specs.text_of(again)}")


def _must_be_readable(name: str, value: Any, kind: Any) -> None:
    written = specs.value_text(value)
    try:
        read = specs.convert(written, kind, name)
    except (BenchbenchError, TypeError, AttributeError) as error:
        raise CheckFailed(f"the parameter {name}={written} cannot be typed: {error}") from error
    if read != value:
        raise CheckFailed(f"the parameter {name}={value!r} reads back as {read!r}")


def check_declared_pretraining(bench: Bench) -> None:
    """Weights from elsewhere are declared: `pretrained_on` names the data sets they have seen."""
    declared = bench.method.pretrained_on
    if not isinstance(declared, tuple) or not all(isinstance(name, str) for name in declared):
        raise CheckFailed(f"pretrained_on is {declared!r} in place of a tuple of names")
    if declared or pretrained_on(bench.method):
        return
    loaded = [p for p in training_of(bench).opened if p.suffix.lower() in WEIGHT_FILES]
    loaded = [path for path in loaded if "site-packages" not in path.parts]
    if loaded:
        raise CheckFailed(f"train read {loaded[0]} and pretrained_on names no data set")
