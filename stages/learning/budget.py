"""Right-sized budgets: what params.yaml says is a ceiling, which few data lower.

The rule: no training goes more than `max_epochs` times over its items, and its batch is no larger than they are many;
but it takes at least FEWEST of the steps that params.yaml grants, because a network needs some to learn anything.
Many data raise nothing: what a run may cost is the user's to say. `max_epochs: null` switches the rule off.
"""

import math
from typing import TypeVar

from stages.learning.training import Training

FEWEST = 200  # steps

Sized = TypeVar("Sized", bound=Training)


def sized(training: Sized, items: int) -> Sized:
    """`training` as it suits so many items.

    >>> large = Training(steps=5000, batch=512, learning_rate=0.002, max_epochs=100)
    >>> small = sized(large, items=300)
    >>> small.steps, small.batch
    (200, 300)
    """
    if training.max_epochs is None:
        return training
    batch = min(training.batch, items)
    steps = max(FEWEST, math.ceil(training.max_epochs * items / batch))
    return training.model_copy(update={"batch": batch, "steps": min(training.steps, steps)})
