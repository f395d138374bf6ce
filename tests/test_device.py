"""Networks, losses, samplers and codecs compute on another device than the CPU, which no machine needs for this.

PyTorch's fake tensors have a shape and a device and no values: where two devices meet an operation is refused as on a
GPU, and so is what would make a GPU wait in the middle of a step (a value that Python reads, a shape that depends on
values). The other device is PyTorch's `meta`; of `cuda` even fake tensors need a build that has it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Generator, Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from stages.common.params import read_yaml
from stages.evaluation.judges import classifier, inputs, matcher
from stages.evaluation.metrics.judge_inference import classified
from stages.features import autoencoder, linear, mixer, recurrent, transformer
from stages.features.bottleneck import Bottleneck
from stages.features.codecs import codec_of
from stages.features.randomised_pca import PCA
from stages.fusion import objective
from stages.fusion.dataset import FeatureDataset, Shape, widths_of
from stages.fusion.objective import Learning
from stages.fusion.trained_fusion import FUSIONS, TrainedFusion
from stages.generation import train
from stages.generation.interpolation import interpolated
from stages.generation.models.families import FAMILIES
from stages.generation.models.trained_generator import build
from stages.generation.pairs import prior_pairs
from stages.generation.sampler import Generate, Sampler
from stages.learning import device, training
from stages.learning.training import Training, stream
from tests.clones import ROOT

TINY: dict[str, Any] = read_yaml(ROOT / "tests/tiny.yaml")
FAR = torch.device("meta")
N, BATCH = 12, 6
SHORT: dict[str, Any] = {"steps": 2, "batch": BATCH, "learning_rate": 0.1}
NAMES, UNIFIED = ("image", "text"), 5
SHAPES: list[Shape] = [(4,), (3, 2)]
WIDTHS = widths_of(SHAPES)
NETWORKS = ("concat", "gated", "attention")
KINDS = {"image": 3, "text": 9, "audio": 1}  # what a judge must know of the items


class FarGenerator(Generator):
    """A stream that says it lives far away."""

    def __new__(cls, device: object = None) -> "FarGenerator":
        return super().__new__(cls)

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return FAR


def moved(module: nn.Module, place: torch.device) -> nn.Module:
    """`Module.to`, which can't exchange the fake weights of a module."""
    for part in module.modules():
        for name, weight in part._parameters.items():
            if weight is not None:
                part._parameters[name] = nn.Parameter(weight.detach().to(place), weight.requires_grad)
        for name, values in part._buffers.items():
            if values is not None:
                part._buffers[name] = values.to(place)
        if isinstance(part, nn.RNNBase):
            part._flat_weights = [getattr(part, name) for name in part._flat_weights_names]
    return module


def one_step(model: nn.Module, loss: Any, *_: object, score: Any = None, **__: object) -> pd.DataFrame:
    """In place of a training: the model on its device, one loss and its gradients there."""
    model.to(device.device())
    parts = loss(FarGenerator())
    torch.stack([part.float() for part in parts.values()]).sum().backward()
    assert {weight.grad.device for weight in model.parameters() if weight.grad is not None} == {FAR}
    return pd.DataFrame({"step": []})


@pytest.fixture(autouse=True)
def _far(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The device is far away, and tensors are fake."""
    device.device.cache_clear()
    monkeypatch.setattr(device, "device_named", lambda name: FAR)
    monkeypatch.setattr(training, "Generator", FarGenerator)
    monkeypatch.setattr(nn.Module, "to", moved)
    for module in (autoencoder, mixer, recurrent, transformer, objective, train, classifier, matcher):
        monkeypatch.setattr(module, "optimise", one_step)
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield
    device.device.cache_clear()


def here(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)


def dataset() -> FeatureDataset:
    """As `read_bank` leaves it: on the device."""
    copies = torch.randn(N, 2, sum(WIDTHS), device=FAR)
    there = torch.ones(N, len(WIDTHS), dtype=torch.bool, device=FAR)
    return FeatureDataset(
        NAMES, SHAPES, copies[:, 0], there, np.full(N, "train"), copies, torch.ones(sum(WIDTHS), device=FAR)
    )


def fused(name: str = "attention") -> TrainedFusion:
    fusion = FUSIONS[name].build(SHAPES, UNIFIED, FUSIONS[name].Settings(**TINY["fuse"][name]))
    return TrainedFusion(fusion.to(FAR), UNIFIED, 0.1)


def density(family: str, grid: tuple[int, int, int] | None = None) -> Any:
    shape = {"width": 48 if grid else 6, "condition": UNIFIED, "hidden": 8, "depth": 2, "grid": grid}
    return build(family, shape, TINY["train"][family]).to(FAR)


def test_two_devices_that_meet_are_refused() -> None:
    """What all that follows rests on."""
    with pytest.raises(RuntimeError, match="found at least two devices"):
        torch.zeros(2, device=FAR) * torch.zeros(2)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("grid", [None, (4, 4, 3)], ids=["perceptron", "convolution"])
def test_a_generator_learns_and_samples_there(family: str, grid: tuple[int, int, int] | None) -> None:
    if grid and family == "flow":
        pytest.skip("flow has no convolution")
    model, chance = density(family, grid), stream(1, "loss")
    width = 48 if grid else 6
    target, condition = torch.randn(BATCH, width, device=FAR), torch.randn(BATCH, UNIFIED, device=FAR)
    one_step(model, lambda chance: model.losses(target, condition, chance))
    made = model.sample(condition, torch.randn(BATCH, model.latent_width, generator=chance, device=FAR), steps=3)
    assert made.device == FAR and made.shape == (BATCH, width)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_fusion_learns_and_fuses_there(name: str, tmp_path: Path) -> None:
    budget = Learning(unified_width=UNIFIED, noise=0.2, feature_noise=0.1, hidden=8, **SHORT)
    settings = FUSIONS[name].Settings(**TINY["fuse"][name])
    fusion, _ = FUSIONS[name].fit(dataset(), settings, budget, seed=1, state=tmp_path)
    assert fusion(dataset().clean, dataset().available).device == FAR


@pytest.mark.parametrize("family", FAMILIES)
def test_batches_of_the_generator_are_drawn_there(family: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(train, "check_spread", lambda model, target, condition, *_: model.sample(
        condition, torch.randn(len(target), model.latent_width, device=FAR), steps=2))  # fmt: skip
    settings = train.Train(**TINY["train"] | {"model": family})
    pairs = prior_pairs(dataset(), fused(), 0.1)
    train.fit("prior", train.Job(pairs, settings.prior.model_copy(update=SHORT)), settings, 1, tmp_path)


def test_samples_and_the_way_between_them_are_drawn_there() -> None:
    settings = Generate(**TINY["generate"])
    prior = build("flow", {"width": UNIFIED, "condition": UNIFIED + 2, "hidden": 8, "depth": 1},
                  TINY["train"]["flow"]).to(FAR)  # fmt: skip
    decoders = [build("flow", {"width": width, "condition": UNIFIED, "hidden": 8, "depth": 1},
                         TINY["train"]["flow"]).to(FAR) for width in WIDTHS]  # fmt: skip
    sampler = Sampler(dataset(), {}, {}, fused(), prior, decoders, settings, 1, Path())
    noises = sampler.noises(len(dataset().clean), stream(1, "draw"))
    assert sampler.draw(dataset().clean, dataset().available, noises).device == FAR
    _, made = interpolated(sampler, prior, stream(1, "interpolation"))
    assert made.device == FAR


@pytest.mark.parametrize("kind", ["autoencoder", "mixer", "recurrent", "transformer", "pixels", "linear"])
def test_a_codec_learns_and_codes_there(kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What it gives is on the CPU, where files are written."""
    monkeypatch.setattr(autoencoder, "fit_pca", lambda *_: None)
    monkeypatch.setattr(autoencoder, "begin_as", lambda *_: None)
    monkeypatch.setattr(mixer, "fit_pca", lambda *_: PCA(torch.zeros(48), torch.zeros(5, 48), torch.ones(5)))
    monkeypatch.setattr(mixer, "mean_loss", lambda *_: 0.01)  # a number, which only the CPU can tell
    text = kind in ("recurrent", "transformer")
    items = (here(N, 6) % 9 + 4).astype(np.uint16) if text else here(N, 4, 4, 3)
    codec: Any
    if kind == "linear":
        codec = linear.Linear((4, 4, 3), 5, None)
    else:
        module = codec_of("text" if text else "image", kind)
        settings = module.Settings(**TINY["extract"]["text" if text else "image"][kind])
        bottleneck = Bottleneck(width=5, noise=0.1, **SHORT)
        codec, _ = module.fit(bottleneck, settings, items, seed=1, name="codec", state=tmp_path)
    codec.to(FAR)
    features = codec.encode(items)
    assert features.device == torch.device("cpu")
    monkeypatch.setattr(Tensor, "numpy", on_the_cpu)
    codec.decode(features.to(FAR))


@pytest.mark.parametrize("network", ["grid", "pooled"])
@pytest.mark.parametrize("name", ["image", "text", "audio"])
def test_a_judge_learns_is_calibrated_and_reads_there(
    name: str, network: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shapes = {"image": (N, 28, 28, 3), "text": (N, 8), "audio": (N, 16, 16)}
    items = here(*shapes[name]) % 9
    items = items.astype(np.uint16) if name == "text" else items
    clean = inputs.as_tensor(items)
    monkeypatch.setattr(classifier, "input_size", lambda name, items: KINDS[name])
    labels, values = pd.DataFrame({"kind": ["a", "b"] * (N // 2)}), {"kind": ["a", "b"]}
    judge, _ = classifier.train_classifier(
        name, network, clean, labels, values, Training(**SHORT), seed=1, state=tmp_path
    )
    with pytest.raises(DataDependentOutputException):  # it has looked, and finds a temperature on the CPU
        classifier.calibrate(judge, clean, labels)
    assert judge.features(clean).device == FAR
    monkeypatch.setattr(Tensor, "numpy", on_the_cpu)
    judges = type("Judges", (), {"classifiers": {name: judge}})()
    classified(name, items, judges, "kind")


def on_the_cpu(values: Tensor) -> np.ndarray:
    assert values.device.type == "cpu", "only what is there becomes an array"
    return np.zeros(values.shape, int)


def test_a_matcher_learns_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(matcher, "input_size", lambda name, items: KINDS[name])
    clean = {"image": here(N, 28, 28, 3), "text": (here(N, 8) % 9).astype(np.uint16)}
    items = {name: inputs.as_tensor(part).to(FAR) for name, part in clean.items()}
    there = {name: torch.ones(N, dtype=torch.bool, device=FAR) for name in items}
    matcher.train_matcher("pooled", items, there, Training(**SHORT), seed=1, state=tmp_path)
