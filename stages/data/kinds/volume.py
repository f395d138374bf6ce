"""Volumes: voxels or a mesh to a grid of one size, and back to voxels.

Tensor: (S, S, S) uint8, x by y by z with z upwards, S = `size`; 255 where there is matter, 0 where there is none.
Voxels keep their place and their size in the grid; a mesh, whose units nobody knows, fills it.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import scipy  # its parts are loaded when they are first used
from PIL import Image
from pydantic import Field

from stages.common.params import Strict
from stages.data.kinds.extra import library

FULL = 255
MOST = 2**27  # voxels or bytes of a file
FACES = 2**20  # of a mesh, at most
SIDES, TURN = 4, 16  # that the page shows, and steps of a whole turn
CROSSED = 2**25  # pairs of a triangle and a column, at most
CENTRE = 0.5 + np.array([1e-6, 2e-6])  # of a column of voxels, beside where edges like to be
STEP_MS, QUALITY = 120, 40  # of the turn, and of WebP's 100 for lighter ones
FINER = 2  # times, for the page
LIGHT = np.array([-0.4, -0.7, 0.6])  # from where it comes
AXES = np.eye(3, dtype=int)[..., None, None]  # a voxel along each


class Settings(Strict):
    """Section `preprocess.volume`."""

    size: Annotated[int, Field(ge=16, le=64)]  # side of the grid, voxels
    shift: Annotated[float, Field(ge=0, le=0.25)]  # augmentation: largest shift, share of the side


def fit(settings: Settings, told: Iterable[str], folder: Path) -> Settings:
    """Volumes need nothing learned."""
    return settings


restore = fit  # what `fit` gave, read back in a later stage


def read(payload: bytes, settings: Settings) -> np.ndarray:
    """Voxels (.npy, .npz) or a mesh (.obj, .stl, .ply) as (S, S, S) bool. Raises ValueError when it is neither.

    What is above 0 is matter; of real numbers, what is above one half.
    """
    voxels = array(payload)
    found = of_mesh(payload, settings.size) if voxels is None else of_voxels(voxels, settings.size)
    if not found.any():
        raise ValueError("expected a volume, got one without matter")
    return found


def array(payload: bytes) -> np.ndarray | None:
    """The one array of a .npy or .npz file; None if it is neither. Nothing is unpickled."""
    if payload[:6] == b"\x93NUMPY":
        return unpacked(payload)
    if payload[:2] != b"PK":
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as file:
            entries = file.infolist()
            if len(entries) != 1:
                raise ValueError(f"expected one array in the .npz, got {len(entries)}; keep one of them")
            if entries[0].file_size > MOST:
                raise ValueError(f"expected at most {MOST} bytes, got {entries[0].file_size}; scale it down")
            return unpacked(file.read(entries[0]))
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(f"expected an array, got {len(payload)} bytes of .npz that do not unpack") from error


def unpacked(payload: bytes) -> np.ndarray:
    """The array in the bytes of a .npy file, of which no more is read than there is."""
    try:
        found = np.lib.format.read_array(io.BytesIO(payload), allow_pickle=False, max_header_size=10_000)
    except (ValueError, OSError, EOFError, MemoryError, TypeError, SyntaxError, UnicodeError) as error:
        raise ValueError(f"expected an array of voxels, got {len(payload)} bytes of .npy that do not decode") from error
    if found.ndim != 3 or not found.size or found.dtype.kind not in "biuf":
        raise ValueError(f"expected numbers along three axes, got {found.dtype} of shape {found.shape}")
    return found


def of_voxels(found: np.ndarray, size: int) -> np.ndarray:
    """(X, Y, Z) numbers -> (S, S, S) bool, the longest axis S long, in the middle of the others."""
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise ValueError("expected numbers, got NaN or infinity among them")
    matter = found > (0.5 if found.dtype.kind == "f" else 0)
    scale = size / max(matter.shape)
    if scale != 1:
        matter = scipy.ndimage.zoom(matter.astype(np.float32), scale, order=1) > 0.5
    return padded(matter[:size, :size, :size], size)


def of_mesh(payload: bytes, size: int) -> np.ndarray:
    """What a mesh encloses: (S, S, S) bool, its longest side S - 2 long. Raises ValueError when it is none."""
    trimesh = library("trimesh", "volume")
    try:
        mesh = trimesh.load(io.BytesIO(payload), file_type=mesh_type(payload), force="mesh", skip_materials=True)
        faces, extent = len(mesh.faces), float(np.max(mesh.extents))
    except Exception as error:  # a reader of three formats, which raises whatever its parts do
        got = f"{len(payload)} bytes that do not decode"
        raise ValueError(f"expected voxels (.npy, .npz) or a mesh (.obj, .stl, .ply), got {got}") from error
    if not 0 < faces <= FACES or not 0 < extent < np.inf:
        raise ValueError(f"expected a mesh of 1 to {FACES} faces in finite space, got {faces} faces, {extent} long")
    corners = (mesh.triangles - mesh.bounds.mean(0)) / extent * (size - 2) + size / 2  # (F, 3, 3), in voxels
    return np.mean([inside(np.roll(corners, -axis, 2), size, axis) for axis in range(3)], 0) > 0.5


def inside(corners: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Which voxels (F, 3, 3) triangles wind around, looking along the last coordinate: (S, S, S) bool, axes put back.

    Solids may overlap. Of a surface with gaps all three directions are asked, and two decide. Raises ValueError when
    the triangles are so many and so large that they can't be meant.
    """
    low = np.ceil(corners[:, :, :2].min(1) - CENTRE).astype(int).clip(0)  # the columns that each might cross
    high = np.floor(corners[:, :, :2].max(1) - CENTRE).astype(int).clip(max=size - 1)
    counts = (high - low + 1).clip(0)
    many = counts.prod(1)
    if many.sum() > CROSSED:
        raise ValueError("expected the surface of a solid, got one that crosses the grid over and over; simplify it")
    face = np.repeat(np.arange(len(corners)), many)
    place = np.arange(len(face)) - np.repeat(many.cumsum() - many, many)
    column = low[face] + np.stack([place // counts[face, 1], place % counts[face, 1]], 1)
    first, second, third = np.moveaxis(corners[face], 1, 0)  # (N, 3) each
    point, one, other = column + CENTRE - first[:, :2], (second - first)[:, :2], (third - first)[:, :2]
    whole = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):  # a triangle that is seen edge on is crossed nowhere
        along = (point[:, 0] * other[:, 1] - point[:, 1] * other[:, 0]) / whole
        across = (one[:, 0] * point[:, 1] - one[:, 1] * point[:, 0]) / whole
        hit = (along >= 0) & (across >= 0) & (along + across <= 1)
    depth = first[:, 2] + along * (second - first)[:, 2] + across * (third - first)[:, 2]
    crossed = np.zeros((size, size, size + 1), int)
    behind = np.ceil(depth[hit] - 0.5).astype(int).clip(0, size)
    np.add.at(crossed, (column[hit, 0], column[hit, 1], behind), np.sign(whole[hit]).astype(int))
    return np.moveaxis(crossed.cumsum(2)[:, :, :size] != 0, (0, 1, 2), np.roll((0, 1, 2), -axis))


def mesh_type(payload: bytes) -> str:
    """Which of the three formats a mesh has."""
    if payload[:3] == b"ply":
        return "ply"
    faces = int.from_bytes(payload[80:84], "little")
    return "stl" if payload[:5] == b"solid" or len(payload) == 84 + 50 * faces else "obj"


def padded(matter: np.ndarray, size: int) -> np.ndarray:
    """In the middle of a cube."""
    before = [(size - length) // 2 for length in matter.shape]
    return np.pad(matter, [(b, size - length - b) for b, length in zip(before, matter.shape, strict=True)])


def augment(matter: np.ndarray, settings: Settings, rng: np.random.Generator) -> np.ndarray:
    """A small shift; what leaves the grid would be lost, so it goes no further than there is room."""
    most = int(settings.shift * settings.size)
    for axis in range(3):
        there = np.flatnonzero(matter.any(tuple({0, 1, 2} - {axis})))
        room = max(-most, -int(there[0])), min(most, settings.size - 1 - int(there[-1]))
        matter = np.roll(matter, int(rng.integers(room[0], room[1] + 1)), axis)
    return matter


def tensor(matter: np.ndarray, settings: Settings) -> np.ndarray:
    """(S, S, S) uint8."""
    return matter.astype(np.uint8) * np.uint8(FULL)


def blank(settings: Settings) -> np.ndarray:
    """What stands where a sample has no volume."""
    return np.zeros((settings.size,) * 3, np.uint8)


def write(levels: np.ndarray, settings: Settings) -> bytes:
    """(S, S, S) uint8 as the bytes of a .npy file: 1 where there is matter, 0 where there is none."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, (levels > FULL / 2).astype(np.uint8), allow_pickle=False)
    return buffer.getvalue()


def also(payload: bytes) -> dict[str, bytes]:
    """The surface as a closed mesh, for what opens and prints those."""
    matter = np.pad(np.load(io.BytesIO(payload)) > 0, 1)
    corners: list[np.ndarray] = []
    for axis, step in ((axis, step) for axis in range(3) for step in (-1, 1)):
        places = np.argwhere(matter & ~np.roll(matter, -step, axis)) + (np.arange(3) == axis) * (step > 0)  # (N, 3)
        along, across = np.eye(3, dtype=int)[[(axis + 1) % 3, (axis + 2) % 3]]
        square = [0 * along, along, along + across, across][:: 1 if step > 0 else -1]
        corners.append(places[:, None] + np.array(square))  # (N, 4, 3)
    points, which = np.unique(np.concatenate(corners).reshape(-1, 3), axis=0, return_inverse=True)
    quads = which.reshape(-1, 4)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    mesh = library("trimesh", "volume").Trimesh(points - 1, faces, process=False)
    return {"stl": bytes(mesh.export(file_type="stl"))}


def shown(payload: bytes, light: bool) -> tuple[str, bytes]:
    """A picture of a file: turning, above its four sides; `light`, with less detail. What can't be read is empty."""
    try:
        found = array(payload)
        matter = read(payload, Settings(size=32 if found is None else min(max(16, *found.shape), 64), shift=0))
    except ValueError:
        matter = np.zeros((16,) * 3, bool)
    turned = [Image.fromarray(one) for one in views(matter)]
    frames = [page_of(one, turned[:: TURN // SIDES]) for one in turned]
    buffer = io.BytesIO()
    kept: dict[str, Any] = {"quality": QUALITY} if light else {"lossless": True}
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], duration=STEP_MS, loop=0, **kept)
    return "image/webp", buffer.getvalue()


def page_of(large: Image.Image, sides: Sequence[Image.Image]) -> Image.Image:
    """One view as wide as all sides, above these."""
    side = large.width
    page = Image.new("L", (SIDES * side, (SIDES + 1) * side))
    page.paste(large.resize((SIDES * side, SIDES * side), Image.Resampling.BILINEAR))
    for number, one in enumerate(sides):
        page.paste(one, (number * side, SIDES * side))
    return page


def views(matter: np.ndarray) -> Iterator[np.ndarray]:
    """(S, S, S) bool as it looks from all around, lit from above: TURN of (2 S, 2 S) uint8, white paper."""
    fine = scipy.ndimage.gaussian_filter(scipy.ndimage.zoom(np.pad(matter, 1).astype(np.float32), FINER, order=1), 1)
    x, z = np.indices((len(fine), fine.shape[2]))
    for number in range(TURN):
        solid = scipy.ndimage.rotate(fine, 360 * number / TURN, (0, 1), reshape=False, order=1)
        hit, first = (solid > 0.5).any(1), (solid > 0.5).argmax(1)  # (X, Z), looking along y
        places = np.stack([x, first, z]).clip(1, len(fine) - 2)  # of the surface, where alone the slope is asked for
        slope = np.stack([solid[tuple(places - one)] - solid[tuple(places + one)] for one in AXES])  # (3, X, Z)
        bright = np.tensordot(LIGHT, slope / (np.linalg.norm(slope, axis=0) + 1e-6), 1)
        yield np.where(hit, 60 + 150 * (bright.clip(-1, 1) + 1) / 2, FULL).astype(np.uint8).T[::-1]
