"""Section `evaluate.attacks`: what the models give away of the data that they learned from, found by attacking them."""

from typing import Annotated

from pydantic import Field, PositiveInt

from stages.common.params import Strict


class Attacks(Strict):
    """Their size; without the section there are none."""

    shadows: Annotated[int, Field(ge=4, multiple_of=2)]  # models that learn from other samples, to compare with
    audited: PositiveInt  # units that were learned from, and as many that were not, at most
    draws: PositiveInt  # of noise and time, at which the loss of a sample is taken
    unit: str  # column of the samples whose equal values are one unit, such as a speaker; '': each sample is one
