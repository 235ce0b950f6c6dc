"""Points (x, y), y downwards, curves and ink, exact to the last bit on every machine."""

import numpy as np

from benchbench.system.arrays import ByteArray, FloatArray, IntArray

SIDE = 28  # pixels
CHARACTER = 17.0  # pixels, the longer side of a character before a drawer's hand
MARGIN = 2.0  # pixels from the border to any path, so that no pen as wide as this is clipped
SUBPIXELS = 4  # per pixel, along each axis
SAMPLES = 64  # path points per stroke


def turn(x: FloatArray, y: FloatArray, half_tangent: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points (x, y) turned clockwise by twice the arc tangent of half_tangent."""
    square = half_tangent * half_tangent
    cos, sin = (1.0 - square) / (1.0 + square), 2.0 * half_tangent / (1.0 + square)
    return cos * x - sin * y, sin * x + cos * y


def rotate(vectors: FloatArray, half_tangent: FloatArray) -> FloatArray:
    """The vectors [..., 2] by `turn`; half_tangent: [...]."""
    return np.stack(turn(vectors[..., 0], vectors[..., 1], half_tangent), axis=-1)


def spline(controls: FloatArray) -> FloatArray:
    """Uniform cubic B-splines [..., SAMPLES, 2] from end to end of controls [..., n, 2]."""
    first = 2.0 * controls[..., :1, :] - controls[..., 1:2, :]
    last = 2.0 * controls[..., -1:, :] - controls[..., -2:-1, :]
    controls = np.concatenate([first, controls, last], axis=-2)  # puts the ends on the curve
    n_segments = controls.shape[-2] - 3
    position = np.arange(SAMPLES) * n_segments / (SAMPLES - 1)
    segment = np.minimum(np.floor(position), n_segments - 1).astype(np.int64)
    t = (position - segment)[:, None]
    s = 1.0 - t
    a, b, c, d = (controls[..., segment + k, :] for k in range(4))
    near_b, near_c = 4.0 - (6.0 - 3.0 * t) * t * t, 4.0 - (6.0 - 3.0 * s) * s * s
    curves: FloatArray = s * s * s * a + near_b * b + near_c * c + t * t * t * d
    return curves / 6.0


def bounding_box(points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Low and high corner [..., 1, 2] and longer side [..., 1, 1] of points [..., n, 2]."""
    by_axis = np.ascontiguousarray(points.swapaxes(-1, -2))  # three times as fast to search
    low, high = by_axis.min(-1)[..., None, :], by_axis.max(-1)[..., None, :]
    return low, high, (high - low).max(-1, keepdims=True)


def frame(paths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The centre [..., 1, 2] of each path, and the scale [..., 1, 1] to make it CHARACTER big."""
    low, high, longer_side = bounding_box(paths)
    return (low + high) / 2.0, CHARACTER / longer_side


def to_canvas(paths: FloatArray, centre: FloatArray, scale: FloatArray) -> FloatArray:
    """Paths [..., n, 2] in pixels with centre mid-canvas, shrunk and moved if they cross MARGIN."""
    low, high, longer_side = bounding_box(paths)
    scale = np.minimum(scale, (SIDE - 2.0 * MARGIN) / longer_side)
    low, high = ((corner - centre) * scale + SIDE / 2.0 for corner in (low, high))
    shift = np.maximum(MARGIN - low, 0.0) - np.maximum(high - (SIDE - MARGIN), 0.0)
    return (paths - centre) * scale + (SIDE / 2.0 + shift)


def ink(paths: FloatArray, pen: float) -> ByteArray:
    """Images [n, SIDE, SIDE] of paths [n, points, 2] drawn with a disc of radius pen, in pixels."""
    n, side = len(paths), SIDE * SUBPIXELS
    column_row = np.floor(paths * SUBPIXELS).astype(np.int64)
    bitmap = np.zeros((n, side, side), np.uint8)
    bitmap[np.arange(n)[:, None], column_row[..., 1], column_row[..., 0]] = 1
    disc = dilate(bitmap, pen * SUBPIXELS)
    rows: IntArray = disc.reshape(n, SIDE, SUBPIXELS, side).sum(axis=2, dtype=np.int64)
    covered: IntArray = rows.reshape(n, SIDE, SIDE, SUBPIXELS).sum(axis=3)
    return (covered * 255 // (SUBPIXELS * SUBPIXELS)).astype(np.uint8)


def dilate(bitmap: ByteArray, radius: float) -> ByteArray:
    """Bitmaps [n, rows, columns] of 0 and 1 with a disc put on every 1.

    A disc is a stack of horizontal runs, which lengthen towards its middle: one run, grown as the
    rows go from the outermost to the middle one, costs far less than every offset of the disc.
    """
    disc, run, half_width = np.zeros_like(bitmap), bitmap.copy(), 0
    for dy in range(int(radius), -1, -1):
        while (half_width + 1) * (half_width + 1) + dy * dy <= radius * radius:
            half_width += 1
            run[..., half_width:] |= bitmap[..., :-half_width]
            run[..., :-half_width] |= bitmap[..., half_width:]
        disc[:, dy:] |= run[:, : run.shape[1] - dy]
        disc[:, : run.shape[1] - dy] |= run[:, dy:]
    return disc
