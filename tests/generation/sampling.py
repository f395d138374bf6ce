"""Settings of the sampler to test with: one sample, as learned, but for what a test changes."""

from typing import Any

from stages.generation.sampler import Generate

PLAIN: dict[str, Any] = {
    "samples": 1, "observed": 1, "subsets": [], "steps": 1, "prior_temperature": 1.0, "decoder_temperature": 1.0,
    "guidance": 1.0, "compared_guidance": [],
}  # fmt: skip


def sampling(**changes: Any) -> Generate:
    return Generate(**(PLAIN | changes))
