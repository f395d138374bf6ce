"""Differential privacy: each unit's own gradient is what is clipped, the noise is as large as it must be, and the bound
is kept."""

import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from opacus.accountants.utils import get_noise_multiplier
from safetensors.torch import save
from torch import Generator, Tensor, nn

from stages.common.params import read_yaml
from stages.common.special_tokens import END, START
from stages.features.bottleneck import Bottleneck
from stages.features.codecs import LOOKS, codec_of
from stages.features.cosines import cosines, look
from stages.features.randomised_pca import levels
from stages.fusion.dataset import FeatureDataset
from stages.fusion.objective import Learning
from stages.fusion.trained_fusion import FUSIONS
from stages.generation.models.trained_generator import build
from stages.learning import privacy, private_gradient, training
from stages.learning.networks import Perceptron, initialise
from stages.learning.privacy import Mechanism, Plan, Privacy, Private, Work, epsilon_of, plan, told, total
from stages.learning.private_gradient import PrivateGradient
from stages.learning.training import Training, optimise, stream
from tests.clones import ROOT

TINY: dict[str, Any] = read_yaml(ROOT / "tests/tiny.yaml")
BOUND = Privacy(epsilon=3.0, delta=1e-5, clip=0.5, unit="")
ROWS, STEPS = 40, 4
SHORT: dict[str, Any] = {"steps": STEPS, "batch": 10, "learning_rate": 0.01}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a key may be."""
    monkeypatch.chdir(tmp_path)


def private(units: np.ndarray | None = None, *, noise: float = 1.0, looks: int = 0) -> Private:
    units = np.arange(ROWS) if units is None else units
    return Private(noise, BOUND.clip, Work(units, SHORT["batch"], STEPS, looks), seed=5)


class Checked(PrivateGradient):
    """Compares each row's gradient with what autograd makes of that row alone, under the same draws."""

    rows = 0

    def of_each(self, rows: Tensor, stream: Generator) -> dict[str, Tensor]:
        for row in rows[:3]:
            state = stream.get_state()
            (found,) = zip(*super().of_each(row[None], stream).values(), strict=True)
            stream.set_state(state)
            weights = list(self.weights.values())
            wanted = torch.autograd.grad(self.whole(stream, row[None]), weights, allow_unused=True)
            for one, other in zip(found, wanted, strict=True):
                torch.testing.assert_close(one, torch.zeros_like(one) if other is None else other, atol=1e-5, rtol=1e-4)
            assert any(one.abs().max() > 0 for one in found)
            Checked.rows += 1
        return super().of_each(rows, stream)


@pytest.mark.parametrize("name", [*LOOKS, "concat", "gated", "attention", "flow", "vae"])
def test_each_row_has_the_gradient_of_its_own_loss(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(training, "PrivateGradient", Checked)
    Checked.rows = 0
    learn(name, private(looks=LOOKS.get(name, 0)), tmp_path)
    assert Checked.rows >= 3 * STEPS - 3


def learn(name: str, rows: Private, state: Path) -> nn.Module:
    """A few steps of a codec, a fusion or a generator under privacy."""
    if name in LOOKS:
        rng = np.random.default_rng(1)
        kind = "image" if name == "autoencoder" else "text"
        items = rng.integers(END + 1, 20, (ROWS, 9)).astype(np.uint16)
        items[:, 0] = START
        if kind == "image":
            items = rng.integers(0, 256, (ROWS, 6, 6, 3)).astype(np.uint8)
        own = codec_of(kind, name).Settings(**TINY["extract"][kind][name])
        bottleneck = Bottleneck(width=8, noise=1.0, **SHORT)
        made: nn.Module = codec_of(kind, name).fit(
            bottleneck, own, items, seed=1, name=name, state=state, private=rows
        )[0]  # fmt: skip
        return made
    if name in FUSIONS:
        copies, there = torch.randn(ROWS, 2, 8, generator=stream(1, "x")), torch.ones(ROWS, 2, dtype=torch.bool)
        dataset = FeatureDataset(
            ("image", "text"), [(4,), (2, 2)], copies[:, 0], there, np.full(ROWS, "train"), copies, torch.ones(8)
        )
        learning = Learning(unified_width=6, noise=0.2, feature_noise=0.1, hidden=16, **SHORT)
        own = FUSIONS[name].Settings(**TINY["fuse"][name])
        fusion: nn.Module = FUSIONS[name].fit(dataset, own, learning, seed=1, state=state, private=rows)[0]
        return fusion
    model = build(name, {"width": 6, "condition": 3, "hidden": 16, "depth": 2}, TINY["train"][name])
    initialise(model, stream(1, "weights"))
    known = torch.randn(ROWS, 9, generator=stream(1, "pairs"))

    def loss(chance: Generator, which: Tensor | None = None) -> dict[str, Tensor]:
        target, condition = (known[:1] if which is None else known[which]).split([6, 3], -1)
        losses: dict[str, Tensor] = model.losses(target, condition, chance)
        return losses

    optimise(model, loss, Training(**SHORT), seed=1, name=name, state=state, private=rows)
    return model


def regression(rows: Private, state: Path, name: str = "toy", far: float = 1.0) -> nn.Module:
    """Rows are points; the last one may lie far off."""
    model = Perceptron(4, 2, width=8, depth=1)
    initialise(model, stream(1, "test/weights"))
    known = torch.randn(ROWS, 4, generator=stream(1, "known"))
    known[-1] *= far

    def loss(chance: Generator, which: Tensor | None = None) -> dict[str, Tensor]:
        x = known[:4] if which is None else known[which]
        return {"fit": ((model(x) - 9 * x[:, :2]) ** 2).mean()}

    optimise(model, loss, Training(**SHORT), seed=1, name=name, state=state, private=rows, keep_every_s=0.0)
    return model


class Recorded(PrivateGradient):
    """Keeps the gradient of each step, as one vector."""

    seen: list[Tensor] = []  # noqa: RUF012  # of the class: the training makes the object

    def __call__(self, stream: Generator) -> Tensor:
        norm = super().__call__(stream)
        Recorded.seen.append(torch.cat([weight.grad.flatten() for weight in self.weights.values()]))  # type: ignore[union-attr]
        assert norm.item() == pytest.approx(Recorded.seen[-1].norm().item(), rel=1e-4)
        return norm


def first_gradient(rows: Private, far: float, state: Path, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    monkeypatch.setattr(training, "PrivateGradient", Recorded)
    Recorded.seen = []
    regression(rows, state, far=far)
    return Recorded.seen[0]


def test_a_unit_moves_the_sum_by_no_more_than_the_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far off it lies; and where it lies inside, it does move it."""
    everybody = Private(0.0, BOUND.clip, Work(np.arange(ROWS), ROWS, STEPS), seed=5)
    near, far = (first_gradient(everybody, size, tmp_path / str(size), monkeypatch) for size in (1.0, 1e4))
    moved = (near - far).norm().item() * ROWS
    assert 1e-3 < moved <= 2 * BOUND.clip * (1 + 1e-4)  # one is taken away, one comes: clip each
    assert near.norm().item() <= BOUND.clip * (1 + 1e-4)


def test_the_noise_is_as_large_as_it_was_asked_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = Private(4.0, BOUND.clip, Work(np.arange(ROWS), 10, STEPS), seed=5)
    monkeypatch.setattr(Private, "draw", lambda *_: torch.arange(0))
    noise = first_gradient(nobody, 1.0, tmp_path, monkeypatch)
    assert noise.std().item() == pytest.approx(4.0 * BOUND.clip / 10, rel=0.1)


def test_pieces_of_a_step_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = first_gradient(private(), 1.0, tmp_path / "whole", monkeypatch)
    monkeypatch.setattr(private_gradient, "AT_ONCE", 500)
    torch.testing.assert_close(first_gradient(private(), 1.0, tmp_path / "pieces", monkeypatch), whole)


def test_each_unit_is_taken_with_the_same_chance_and_of_it_one_row() -> None:
    units = np.array([0, 0, 0, 1, 2, 2] * 5 + [3] * 5)
    rows = Private(1.0, 1.0, Work(units, 2, 1), seed=1)  # two of four
    counts, sizes, chance = np.zeros(len(units)), [], stream(1, "draw")
    for _ in range(4000):
        drawn = rows.draw(chance).numpy()
        assert len(set(units[drawn])) == len(drawn)
        counts[drawn] += 1
        sizes.append(len(drawn))
    assert np.bincount(units, counts) / 4000 == pytest.approx(0.5, abs=0.03)
    assert np.var(sizes) == pytest.approx(1.0, abs=0.1) and min(sizes) == 0  # binomial, and it may be nobody
    for unit in range(4):
        shares = counts[units == unit] / counts[units == unit].sum()
        assert shares == pytest.approx(1 / len(shares), abs=0.03)


@given(
    epsilon=st.floats(0.3, 30), batch=st.integers(1, 900), steps=st.integers(1, 2000), models=st.integers(1, 4),
    looks=st.integers(0, 1),
)  # fmt: skip
@settings(max_examples=8, deadline=None)
def test_the_bound_is_kept_and_not_by_far(epsilon: float, batch: int, steps: int, models: int, looks: int) -> None:
    bound = Privacy(epsilon=epsilon, delta=1e-5, clip=1.0, unit="")
    found = told(plan(bound, models * [Work(np.arange(900), batch, steps, looks)], 1, "train"))
    assert found is not None
    tight = found["mechanisms"][0]["noise"] <= privacy.NOISES[0] * 1.001 or found["epsilon"] > 0.97 * epsilon
    assert found["epsilon"] <= epsilon and tight


def test_the_noise_is_that_which_opacus_finds_for_one_model() -> None:
    bound = Privacy(epsilon=2.0, delta=1e-5, clip=1.0, unit="")
    found = plan(bound, [Work(np.arange(1000), 100, 500)], 1, "train").models[0].noise
    wanted = get_noise_multiplier(
        target_epsilon=2.0, target_delta=1e-5, sample_rate=0.1, steps=500, accountant="rdp", epsilon_tolerance=1e-3
    )
    assert found == pytest.approx(wanted, rel=0.005)


def test_what_is_told_together_is_more_than_each_and_no_more_than_the_sum() -> None:
    parts = [Mechanism(2.0, 0.1, 200), Mechanism(3.0, 0.5, 20), Mechanism(1.5, 1.0, 1)]
    each = [epsilon_of([part], 1e-5) for part in parts]
    assert max(each) < epsilon_of(parts, 1e-5) < sum(each)
    cards: list[dict[str, Any] | None] = [{"mechanisms": [part._asdict()]} for part in parts]
    assert total(cards, 1e-5) == epsilon_of(parts, 1e-5)
    assert total([*cards, None], 1e-5) is None and total([{"mechanisms": []}], 1e-5) == 0.0


def test_who_has_the_key_gets_the_same_bytes_and_nobody_else_does(tmp_path: Path) -> None:
    def made(state: str) -> bytes:
        rows = plan(BOUND, [Work(np.arange(ROWS), 10, STEPS)], 1, "train").models[0]
        return save(regression(rows, tmp_path / state).state_dict())

    first = made("a")
    assert stat.S_IMODE(privacy.KEY.stat().st_mode) == 0o600 and len(privacy.key()) == 32
    assert made("b") == first
    privacy.KEY.unlink()
    assert made("c") != first


def test_a_private_training_that_was_killed_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unbroken = save(regression(private(), tmp_path / "unbroken").state_dict())
    real, calls = PrivateGradient.__call__, 0

    def killed(self: PrivateGradient, stream: Generator) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return real(self, stream)

    monkeypatch.setattr(PrivateGradient, "__call__", killed)
    with pytest.raises(KeyboardInterrupt):
        regression(private(), tmp_path / "broken")
    assert save(regression(private(), tmp_path / "broken").state_dict()) == unbroken
    assert calls == STEPS + 1


def test_the_curve_of_a_private_training_tells_of_no_loss(tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    known = torch.randn(ROWS, 2)

    def loss(chance: Generator, which: Tensor | None = None) -> dict[str, Tensor]:
        return {"fit": model(known[:1] if which is None else known[which]).square().mean()}

    curve = optimise(model, loss, Training(**SHORT), seed=1, name="toy", state=tmp_path, private=private())
    assert set(curve.table()) == {"step", training.GRADIENT} and set(curve.last()) == {training.GRADIENT}


@pytest.mark.parametrize("shape", [(12, 12, 3), (9, 14), (5, 6, 6, 3), (6, 5, 4)])
def test_cosines_are_orthonormal_and_begin_with_what_is_smooth(shape: tuple[int, ...]) -> None:
    size = int(np.prod(shape))
    whole = cosines(shape, size)
    torch.testing.assert_close(whole @ whole.T, torch.eye(size), atol=1e-5, rtol=0)
    rows = np.linspace(0, 1, shape[0]).reshape([-1, *([1] * (len(shape) - 1))])
    smooth = torch.from_numpy(np.broadcast_to(rows, shape).astype(np.float32)).flatten()
    kept = (cosines(shape, size // 4) @ smooth).norm() / smooth.norm()
    assert kept > 0.98


def test_a_look_at_the_items_is_near_what_they_are_and_one_item_moves_it_little() -> None:
    rng = np.random.default_rng(1)
    slopes = rng.normal(0, 30, (3000, 1, 1)) * np.linspace(-1, 1, 8).reshape(1, -1, 1)
    items = (120 + slopes + rng.normal(0, 3, (3000, 8, 8))).clip(0, 255).astype(np.uint8)
    rows = Private(1.0, 1.0, Work(np.arange(3000), 1, 1, looks=1), seed=1)
    found = look(items, 20, rows)
    values = levels(items)
    assert (found.mean - values.mean(0)).abs().max() < 0.05
    exact = (values - values.mean(0)) @ found.components.T
    assert found.variances.sum() == pytest.approx(exact.var(0).sum().item(), rel=0.3)
    changed = items.copy()
    changed[5] = np.where(np.indices((8, 8)).sum(0) % 2, 0, 255)
    moved = (look(changed, 20, rows).mean - found.mean).norm()
    assert 0 < moved <= 2 * np.sqrt(64) / 2 / 3000 * 1.01


def test_what_can_not_be_private_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    said = r"^train\.privacy\.epsilon: expected one that can be kept, got 1e-06; raise it$"
    with pytest.raises(ValueError, match=said):
        plan(BOUND.model_copy(update={"epsilon": 1e-6}), [Work(np.arange(10), 10, 5000)], 1, "train")
    Path("samples.csv").write_text("id,has_image,split,speaker\na,True,train,x\nb,True,train,x\nc,False,train,\n")
    spoken = BOUND.model_copy(update={"unit": "speaker"})
    assert privacy.units_of(Path("samples.csv"), spoken, "fuse").tolist() == [1, 1, 0]
    assert privacy.units_of(Path("samples.csv"), spoken, "fuse", "image").tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"^fuse\.privacy\.unit: expected one of id, split, speaker, got 'person'; "):
        privacy.units_of(Path("samples.csv"), BOUND.model_copy(update={"unit": "person"}), "fuse")
    monkeypatch.setattr(privacy, "world_size", lambda: 2)
    with pytest.raises(ValueError, match=r"^fuse\.privacy: expected one process, got 2; set PROCESSES to 1$"):
        plan(BOUND, [], 1, "fuse")


def test_nothing_learned_tells_nothing() -> None:
    found = told(Plan(BOUND, []))
    assert found is not None and found["epsilon"] == 0.0 and told(None) is None
