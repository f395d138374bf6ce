"""MultiVae (Senellart et al. 2025, JOSS 10:7996), the library of the peers, and what we need of it.

It lies apart, in .venv/peers, where `make setup` puts it: it imports torchvision, of which nothing here is called, and
a torchvision that was built for CUDA does not load its operators beside a PyTorch that was not, and stops whoever
imports it at the first that it looks for. Those are declared here.
"""

# ruff: noqa: E402  # what is declared must be so before the library is imported

import sys
from pathlib import Path

import torch

sys.path.append(str(Path(sys.prefix) / "peers"))
KNOWN = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
try:
    import torchvision  # noqa: F401
except RuntimeError:
    for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[module]
    DECLARED = torch.library.Library("torchvision", "FRAGMENT")  # kept: its declarations go when it does
    for operator in ("nms", "qnms"):
        DECLARED.define(f"{operator}{KNOWN}")

from multivae.data.datasets.base import MultimodalBaseDataset
from multivae.models import MVTCAE, MMVAEPlus, MMVAEPlusConfig, MoPoE, MoPoEConfig, MVTCAEConfig
from multivae.models.base import BaseAEConfig, BaseDecoder, BaseEncoder, ModelOutput
from multivae.models.nn.default_architectures import Decoder_AE_MLP, Encoder_VAE_MLP

__all__ = [
    "MVTCAE", "BaseAEConfig", "BaseDecoder", "BaseEncoder", "Decoder_AE_MLP", "Encoder_VAE_MLP", "MMVAEPlus",
    "MMVAEPlusConfig", "MVTCAEConfig", "MoPoE", "MoPoEConfig", "ModelOutput", "MultimodalBaseDataset",
]  # fmt: skip
