"""What every codec has between encoder and decoder: features of some width, with noise on them while it learns."""

from typing import Annotated

from pydantic import Field, PositiveInt

from stages.learning.privacy import Privacy
from stages.learning.training import Training


class Bottleneck(Training):
    """What the sections `extract.<modality>` have in common."""

    width: PositiveInt  # D, features
    noise: Annotated[float, Field(ge=0)]  # standard deviation of the noise on the features, whose own is 1
    privacy: Privacy | None = None  # what the codec may tell of the data; null: it is not private
