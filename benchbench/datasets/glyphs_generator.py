"""glyphs: a synthetic few-shot data set of handwritten characters from made-up alphabets.

A character is a small motor program: one to four pen strokes, each made from one of its alphabet's
few stroke primitives and joined to the strokes before it. Twenty drawers write every alphabet, each
in a hand of their own. The idea is that of Omniglot (Lake et al., 2015); no data is shared with it.

The pixels are the same bits on every machine and NumPy version: the only randomness is raw Philox
output, and floats meet only + - * /, sqrt, floor, minimum, maximum and comparisons, each of which
IEEE 754 defines to the last bit. Functions such as sin and reductions such as sum, einsum or matmul
depend on the library and the SIMD width, so floats never meet one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbench.datasets.glyphs_drawing import (
    MARGIN,
    SAMPLES,
    SIDE,
    bounding_box,
    frame,
    ink,
    rotate,
    spline,
    to_canvas,
)
from benchbench.system.arrays import BoolArray, ByteArray, FloatArray, IntArray
from benchbench.system.randomness import RandomStream

Programs = NDArray[np.void]  # of dtype PROGRAM

VERSION = 1  # part of every random key: raise it with any change to the pixels

SPLITS = {"train": 30, "val": 4, "test": 14}  # alphabets; 888, 122 and 427 characters
DRAWERS = 20
PLAIN = 130  # pixels: a line, drawn with a pen of radius MARGIN, covers fewer
STROKES = 4  # at most, per character
CONTROLS = 6  # control points per stroke
TREMOR_CONTROLS = 14

PROGRAM = np.dtype(
    [
        ("used", np.bool_, STROKES),
        ("primitive", np.int64, STROKES),
        ("size", np.float64, STROKES),  # factor on the primitive
        ("parent", np.int64, STROKES),  # the earlier stroke that this one joins,
        ("joint", np.int64, STROKES),  # at this path point of the parent,
        ("pivot", np.int64, STROKES),  # with this path point of its own,
        ("gap", np.float64, (STROKES, 2)),  # at this distance (zero if they touch)
    ]
)


@dataclass(frozen=True)
class Hands:
    """What each drawer does the same way in every character of the alphabet."""

    stretch: FloatArray  # [DRAWERS, 2]
    slant: FloatArray  # [DRAWERS], x per unit of y
    turn: FloatArray  # [DRAWERS], tangent of half the angle
    offset: FloatArray  # [DRAWERS, 2], pixels
    pen: FloatArray  # [DRAWERS], radius in pixels
    habit: FloatArray  # [primitives, DRAWERS, CONTROLS, 2], added to the primitive's control points
    jitter: FloatArray  # [DRAWERS], spread of the control points from one drawing to the next
    tremor: FloatArray  # [DRAWERS], spread of the fine wobble along a path


def alphabet_splits() -> dict[str, str]:
    """The split of each alphabet, by name and in order."""
    splits = [split for split, n in SPLITS.items() for _ in range(n)]
    return {f"alphabet_{index:02d}": split for index, split in enumerate(splits)}


def draw_alphabet(seed: int, index: int) -> ByteArray:
    """The images [characters, DRAWERS, SIDE, SIDE] of one alphabet, ink 255 on 0."""
    stream = RandomStream(seed, VERSION, index)
    n_characters = 20 + 8 * index % 21  # 20 .. 40, the same for every seed
    primitives = invent_primitives(stream, int(stream.integer(4)) + 7)
    programs = invent_characters(stream, n_characters, primitives)
    hands = invent_hands(stream, len(primitives))
    paths = write(stream, programs, primitives, hands)
    return np.stack([ink(paths[:, d], hands.pen[d]) for d in range(DRAWERS)], axis=1)


def invent_primitives(stream: RandomStream, n: int) -> FloatArray:
    """Control points [n, CONTROLS, 2] of stroke shapes, 0.5 to 1 large: a pen turns as it goes.

    Angles are half-angle tangents, whose cosine and sine are rational.
    """
    roundness = float(stream.uniform(0.3, 0.9))  # makes some alphabets angular, others curly
    bend = np.where(stream.happens(0.35, n), 0.0, stream.uniform(-roundness, roundness, n))
    change = np.where(stream.happens(0.5, n), 0.0, stream.uniform(-0.45, 0.45, n))
    # Downstrokes count twice: hands pull more often than they push.
    compass = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.7, 0.7], [-0.7, 0.7]])
    heading = rotate(compass[stream.integer(len(compass), n)], 0.06 * stream.bell(n))
    points = [np.zeros((n, 2))]
    for k in range(CONTROLS - 1):
        points.append(points[-1] + heading * stream.uniform(0.7, 1.3, n, 1))
        heading = rotate(heading, bend + change * (k - 1.5) + 0.08 * stream.bell(n))
    shapes = np.stack(points, axis=1)
    return shapes / bounding_box(shapes)[2] * stream.uniform(0.5, 1.0, n, 1, 1)


def invent_characters(stream: RandomStream, n: int, primitives: FloatArray) -> Programs:
    """Programs [n] of characters neither too plain nor too like another of the alphabet.

    A plain line would look the same in every alphabet that had it.
    """
    kept: Programs = np.zeros(0, PROGRAM)
    seen: BoolArray = np.zeros((0, SIDE, SIDE), np.bool_)
    while len(kept) < n:
        candidates = random_programs(stream, 2 * n, len(primitives))
        paths = ideal_paths(candidates, primitives)
        shadows = ink(to_canvas(paths, *frame(paths))[:, 0], pen=MARGIN) > 127
        for i in range(len(candidates)):
            scant = np.count_nonzero(shadows[i]) < PLAIN
            if len(kept) < n and not scant and not resembles(shadows[i], seen).any():
                kept = np.append(kept, candidates[i : i + 1])
                seen = np.append(seen, shadows[i : i + 1], axis=0)
    return kept


def resembles(shadow: BoolArray, others: BoolArray) -> BoolArray:
    """Which of the others [n, SIDE, SIDE] share over 60 % of the pixels that either covers."""
    shared: IntArray = np.count_nonzero(shadow & others, axis=(1, 2))
    either: IntArray = np.count_nonzero(shadow | others, axis=(1, 2))
    return 10 * shared > 6 * either


def random_programs(stream: RandomStream, n: int, n_primitives: int) -> Programs:
    """Programs [n] of unchecked characters: some are too plain, some resemble others."""
    programs = np.zeros(n, PROGRAM)
    shape = (n, STROKES)
    n_strokes = 1 + np.searchsorted([0.1, 0.5, 0.85], stream.uniform(0, 1, n, 1))
    programs["used"] = np.arange(STROKES) < n_strokes
    programs["primitive"] = stream.integer(n_primitives, *shape)
    programs["size"] = stream.uniform(0.5, 1.1, *shape)
    programs["parent"] = stream.integer(np.maximum(np.arange(STROKES), 1), *shape)
    start, middle, end = 0, SAMPLES // 2, SAMPLES - 1
    programs["joint"] = np.array([start, middle, middle, end])[stream.integer(4, *shape)]
    programs["pivot"] = np.array([start, start, middle])[stream.integer(3, *shape)]
    apart = stream.happens(0.25, *shape, 1)
    programs["gap"] = np.where(apart, stream.uniform(-0.6, 0.6, *shape, 2), 0.0)
    return programs


def invent_hands(stream: RandomStream, n_primitives: int) -> Hands:
    """The hands of an alphabet's drawers; the order of the draws is part of the data's format."""
    return Hands(
        stretch=stream.uniform(0.8, 1.15, DRAWERS, 2),
        slant=0.18 * stream.bell(DRAWERS),
        turn=0.05 * stream.bell(DRAWERS),
        offset=stream.uniform(-1.5, 1.5, DRAWERS, 2),
        pen=stream.uniform(0.55, 1.2, DRAWERS),
        habit=0.05 * stream.bell(n_primitives, DRAWERS, CONTROLS, 2),
        jitter=stream.uniform(0.015, 0.05, DRAWERS),
        tremor=stream.uniform(0.0, 0.02, DRAWERS),
    )


def write(
    stream: RandomStream, programs: Programs, primitives: FloatArray, hands: Hands
) -> FloatArray:
    """Each drawer writes each program once: paths [programs, DRAWERS, points, 2] in pixels."""
    shape = (len(programs), STROKES, DRAWERS)
    shapes = primitives[programs["primitive"]][:, :, None] + hands.habit[programs["primitive"]]
    shapes = shapes + hands.jitter[:, None, None] * stream.bell(*shape, CONTROLS, 2)
    curves = spline(shapes) * programs["size"][:, :, None, None, None]
    curves += spline(hands.tremor[:, None, None] * stream.bell(*shape, TREMOR_CONTROLS, 2))
    centre, scale = frame(ideal_paths(programs, primitives))
    paths = (lay_out(programs, curves) - centre) * hands.stretch[:, None]
    x, y = paths[..., 0] - hands.slant[:, None] * paths[..., 1], paths[..., 1]
    paths = rotate(np.stack([x, y], axis=-1), hands.turn[:, None])
    return to_canvas(paths, -hands.offset[:, None] / scale, scale)


def ideal_paths(programs: Programs, primitives: FloatArray) -> FloatArray:
    """The paths [programs, 1, points, 2] of perfectly executed programs, in primitives' units."""
    shapes = primitives[programs["primitive"]] * programs["size"][..., None, None]
    return lay_out(programs, spline(shapes)[:, :, None])


def lay_out(programs: Programs, curves: FloatArray) -> FloatArray:
    """Join the strokes [programs, STROKES, drawers, SAMPLES, 2] to [programs, drawers, points, 2].

    Each starts at the real place of the stroke it joins, so that a poor hand keeps its joints
    closed. An unused stroke retraces the first.
    """
    curves, each = curves.copy(), np.arange(len(programs))
    for k in range(1, STROKES):
        target = curves[each, programs["parent"][:, k], :, programs["joint"][:, k]]
        pivot = curves[each, k, :, programs["pivot"][:, k]]
        shift = target - pivot + programs["gap"][:, k, None]
        curves[:, k] += shift[:, :, None]
    drawn = np.where(programs["used"][:, :, None, None, None], curves, curves[:, :1])
    return drawn.swapaxes(1, 2).reshape(len(programs), -1, STROKES * SAMPLES, 2)
