"""A trained fusion, as `fuse` keeps it and later stages take it up."""

from pathlib import Path
from types import ModuleType

from safetensors.torch import load_file
from torch import Generator, Tensor, nn

from stages.common.files import read_json
from stages.fusion import attention, concat, gated, matrix, none
from stages.learning.device import device
from stages.learning.training import add_noise

FUSIONS: dict[str, ModuleType] = {
    "none": none,
    "concat": concat,
    "matrix": matrix,
    "gated": gated,
    "attention": attention,
}


class TrainedFusion(nn.Module):
    """A trained fusion with the noise under which it was learned."""

    def __init__(self, fusion: nn.Module, width: int, noise: float) -> None:
        super().__init__()
        self.fusion, self.width, self.noise = fusion, width, noise

    def forward(self, features: Tensor, seen: Tensor) -> Tensor:
        """(B, W) features of which (B, M) are seen -> (B, U)."""
        unified: Tensor = self.fusion(features, seen)
        return unified

    def noised(self, unified: Tensor, stream: Generator) -> Tensor:
        """The representation with its noise: what the generator models."""
        return add_noise(unified, self.noise, stream)


def load_fusion(folder: Path) -> TrainedFusion:
    """The trained fusion that `fuse` kept in `folder`, on the device."""
    card = read_json(folder / "fusion.json")
    method = FUSIONS[card["method"]]
    fusion = method.build(
        [tuple(shape) for shape in card["shapes"]], card["unified"], method.Settings(**card["settings"])
    )
    fusion.load_state_dict(load_file(folder / "fusion.safetensors"))
    return TrainedFusion(fusion, card["unified"], card["noise"]).to(device()).eval().requires_grad_(False)
