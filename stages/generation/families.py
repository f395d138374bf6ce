"""The families of generators, a model of a conditional density each: (width, condition, hidden, depth, settings) and

losses(target, condition, stream)         (B, D), (B, C) -> named parts of the loss
sample(condition, noise, *, steps)        (B, C), (B, D) -> (B, D) samples
betas                                     of the optimiser that suits it
"""

from typing import TypeAlias

from stages.generation import flow, gan, vae

Density: TypeAlias = gan.Gan | vae.Vae | flow.Flow

FAMILIES = {"gan": (gan.Gan, gan.Settings), "vae": (vae.Vae, vae.Settings), "flow": (flow.Flow, flow.Settings)}
