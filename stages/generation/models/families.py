"""The families of generators, each a model of a conditional density: (width, condition, hidden, depth, settings, grid)
and

losses(target, condition, stream)         (B, D), (B, C) -> named parts of the loss
sample(condition, noise, *, steps)        (B, C), (B, L) -> (B, D) samples; of a flow they can be guided
latent_width                              L, the width of the noise
weight                                    (D,) how much each value counts in the loss, where a loss counts values
comparable                                whether, of two states, the one with the lower loss is the better
betas, learning_rate                      of the optimiser that suits it; None: the budget's
"""

from typing import TypeAlias

from stages.generation.models import flow, gan, vae

Density: TypeAlias = gan.Gan | vae.Vae | flow.Flow

FAMILIES = {"gan": (gan.Gan, gan.Settings), "vae": (vae.Vae, vae.Settings), "flow": (flow.Flow, flow.Settings)}
