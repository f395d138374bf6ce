"""Volumes: voxels come back as they were, meshes fill the grid, surfaces are closed, and what is neither is refused."""

import io
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages.data.kinds import volume

SETTINGS = volume.Settings(size=20, shift=0.2)
RNG = np.random.default_rng(1)
BALL = (np.square(np.indices((20, 20, 20)) - 9.5).sum(0) < 36).astype(np.uint8)


def npy(voxels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, voxels)
    return buffer.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float32])
def test_voxels_come_back_as_they_were(dtype: type) -> None:
    voxels = RNG.random((20, 20, 20)) < 0.3
    for payload in (npy(voxels.astype(dtype)), npz(voxels=voxels.astype(dtype))):
        found = volume.read(payload, SETTINGS)
        np.testing.assert_array_equal(found, voxels)
        tensor = volume.tensor(found, SETTINGS)
        assert tensor.shape == volume.blank(SETTINGS).shape and tensor.dtype == np.uint8
        np.testing.assert_array_equal(volume.read(volume.write(tensor, SETTINGS), SETTINGS), voxels)


@pytest.mark.parametrize("shape", [(40, 40, 40), (10, 10, 10), (40, 20, 8)])
def test_voxels_of_another_size_are_scaled_as_a_whole(shape: tuple[int, ...]) -> None:
    """The longest axis fills the grid, the others keep their share of it."""
    found = volume.read(npy(np.ones(shape)), SETTINGS)
    wanted = [round(20 * length / max(shape)) for length in shape]
    extents = [int(found.any(tuple({0, 1, 2} - {axis})).sum()) for axis in range(3)]
    assert extents == pytest.approx(wanted, abs=1)


@pytest.mark.parametrize("kind", ["stl", "ply", "obj"])
def test_a_mesh_is_filled(kind: str) -> None:
    """A ball of any unit fills the grid, and half of its box."""
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=1234)
    made = mesh.export(file_type=kind)
    found = volume.read(made.encode() if isinstance(made, str) else made, SETTINGS)
    extents = [int(found.any(tuple({0, 1, 2} - {axis})).sum()) for axis in range(3)]
    assert min(extents) >= 16 and max(extents) <= 20
    assert found.sum() / np.prod(extents) == pytest.approx(np.pi / 6, abs=0.06), "filled, not a shell"


def test_solids_of_a_mesh_may_overlap_and_lie_as_they_did() -> None:
    """A tower, a rod through its roof on one side: 12 voxels a unit, the middle of the whole in that of the grid."""
    tower, rod = trimesh.creation.box((0.5, 0.5, 1)), trimesh.creation.box((0.1, 0.1, 0.7))
    rod.apply_translation((0.2, 0, 0.65))
    both: Any = trimesh.util.concatenate([tower, rod])
    found = volume.read(both.export(file_type="stl"), SETTINGS)
    units = (np.argwhere(found) + 0.5 - 10) / 12 + (0, 0, 0.25)
    wanted = (np.abs(units) < (0.25, 0.25, 0.5)).all(1) | (np.abs(units - (0.2, 0, 0.65)) < (0.05, 0.05, 0.35)).all(1)
    assert wanted.mean() > 0.95 and found.sum() == pytest.approx((0.25 + 0.1 * 0.1 * 0.5) * 12**3, rel=0.15)


@given(st.integers(0, 2**32 - 1))
def test_the_surface_is_closed_and_holds_as_much(seed: int) -> None:
    voxels = np.random.default_rng(seed).random((5, 6, 7)) < 0.4
    if voxels.any():
        mesh = trimesh.load_mesh(io.BytesIO(volume.also(npy(voxels))["stl"]), file_type="stl")
        assert mesh.volume == pytest.approx(voxels.sum()), "faces look outwards"
        edges = np.sort(mesh.edges, 1)
        _, counts = np.unique(edges, axis=0, return_counts=True)
        assert (counts % 2 == 0).all(), "no edge is open"


def test_a_shifted_volume_is_whole_and_stays_in_the_grid() -> None:
    copies = [volume.augment(BALL > 0, SETTINGS, np.random.default_rng(seed)) for seed in range(20)]
    assert all(copy.sum() == BALL.sum() for copy in copies) and len({copy.tobytes() for copy in copies}) > 10
    edge = np.zeros((20, 20, 20), bool)
    edge[0, :, 5] = edge[19, 3, 3] = True
    moved = volume.augment(edge, SETTINGS, np.random.default_rng(1))
    assert moved.sum() == edge.sum() and moved[0].any() and moved[19].any(), "no room along that axis"


@pytest.mark.parametrize(
    ("payload", "got"),
    [
        (b"", "got 0 bytes that do not decode"),
        (b"no mesh", "got 7 bytes that do not decode"),
        (npy(BALL)[:-9], "bytes of .npy that do not decode"),
        (npy(np.zeros((4, 4, 4))), "got one without matter"),
        (npy(np.ones((4, 4))), r"got float64 of shape \(4, 4\)"),
        (npy(np.ones((4, 4, 0))), r"got float64 of shape \(4, 4, 0\)"),
        (npy(np.full((4, 4, 4), "a")), "got <U1 of shape"),
        (npy(np.full((4, 4, 4), np.nan)), "got NaN or infinity"),
        (npz(a=BALL, b=BALL), "got 2; keep one of them"),
        (b"PK" + bytes(50), "bytes of .npz that do not unpack"),
        (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "that do not decode"),
        (b"ply\nformat ascii 1.0\nend_header\n", "expected"),
    ],
)  # fmt: skip
def test_what_is_no_volume_is_refused_in_one_line(payload: bytes, got: str) -> None:
    with pytest.raises(ValueError, match=got) as caught:
        volume.read(payload, SETTINGS)
    assert str(caught.value).startswith("expected") and "\n" not in str(caught.value)


def test_a_pickle_is_not_read() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([[[print]]], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="that do not decode"):
        volume.read(buffer.getvalue(), SETTINGS)


def test_an_array_that_promises_more_than_there_is_takes_no_memory() -> None:
    head = npy(np.zeros((1, 1, 1), np.uint8)).replace(b"(1, 1, 1)", b"(9999, 9999, 9999)")
    with pytest.raises(ValueError, match="expected"):
        volume.read(head, SETTINGS)


@given(st.binary(max_size=200), st.integers(0, 3), st.integers(0, 400))
def test_bytes_that_are_no_volume_never_do_harm(noise: bytes, kind: int, cut: int) -> None:
    """Noise, noise behind a head that is right, and torn files: a volume, or one line."""
    head = (b"", b"\x93NUMPY\x01\x00", b"ply\n", npy(BALL)[:cut])[kind]
    try:
        assert volume.read(head + noise, SETTINGS).shape == (20, 20, 20)
    except ValueError as error:
        assert str(error).startswith("expected") and "\n" not in str(error)


@pytest.mark.parametrize("payload", [npy(BALL), npy(np.ones((40, 40, 40))), b"torn"])
def test_the_page_shows_it_turning(payload: bytes) -> None:
    kind, picture = volume.shown(payload, True)
    with Image.open(io.BytesIO(picture)) as frames:
        assert kind == "image/webp"
        assert len(np.unique(np.asarray(frames.convert("L")))) >= (1 if payload == b"torn" else 20)
        if payload != b"torn":
            frames.seek(volume.TURN - 1)
