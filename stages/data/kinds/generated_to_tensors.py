"""Files back to tensors, as `preprocess` cleans them: how generated items are read again."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from stages.common.modality import kind_of
from stages.common.workers import in_processes
from stages.data.kinds.modalities import MODALITIES

CHUNK = 256  # items a worker reads at a time


def tensors(name: str, payloads: Sequence[bytes], fitted: Any) -> np.ndarray:
    """The tensors of files, cleaned as `preprocess` cleans; blank where nothing usable was made."""
    jobs = ((name, payloads[i : i + CHUNK], fitted) for i in range(0, len(payloads), CHUNK))
    return np.concatenate(list(in_processes(read_chunk, jobs)))


def read_chunk(name: str, payloads: Sequence[bytes], fitted: Any) -> np.ndarray:
    return np.stack([tensor_or_blank(name, payload, fitted) for payload in payloads])


def tensor_or_blank(name: str, payload: bytes, fitted: Any) -> np.ndarray:
    """A generated clip may be silent: that is an item a judge must see, not a reason to stop."""
    module = MODALITIES[kind_of(name)]
    try:
        tensor: np.ndarray = module.tensor(module.read(payload, fitted), fitted)
    except ValueError:
        tensor = module.blank(fitted)
    return tensor
