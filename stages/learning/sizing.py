"""Right-sized budgets: what params.yaml says is a ceiling, which few data lower.

The rule: no training goes more than `passes` times over its items, and its batch is no larger than they are many;
but it takes at least FEWEST of the steps that params.yaml grants, because a network needs some to learn anything.
Many data raise nothing: what a run may cost is the user's to say. `passes: null` switches the rule off.
"""

import math
from typing import TypeVar

from stages.learning.training import Training

FEWEST = 200  # steps

Sized = TypeVar("Sized", bound=Training)


def sized(training: Sized, items: int) -> Sized:
    """`training` as it suits so many items."""
    if training.passes is None:
        return training
    batch = min(training.batch, items)
    steps = max(FEWEST, math.ceil(training.passes * items / batch))
    return training.model_copy(update={"batch": batch, "steps": min(training.steps, steps)})
