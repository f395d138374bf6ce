"""Can every stage work with params.yaml? `make repro` asks first, so that a mistake in the last section shows at once.

Each section is read as its stage will read it. Then fusion and generator are built of nothing, on PyTorch's `meta`
device, and given nothing to work on: sizes that do not fit together show there. What depends on the data stays for
the stages to say.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import Any

import torch

from stages.common.modality import KINDS, in_files, kind_of
from stages.common.modality_subsets import asked_subsets
from stages.common.params import Run, Strict, load, load_modalities, load_named
from stages.data.acquire import Acquire
from stages.data.kinds.modalities import MODALITIES
from stages.data.kinds.modalities import SETTINGS as ITEMS
from stages.data.preprocess import Preprocess
from stages.evaluation.evaluate import Evaluate
from stages.evaluation.judge import Judge
from stages.evaluation.report import Report
from stages.features import pretrained_autoencoder, pretrained_reader
from stages.features.codecs import SETTINGS, OfCaptions, OfLevels, OfPictures, OfTokens, OfValues
from stages.fusion.dataset import Shape, widths_of
from stages.fusion.fuse import Fuse
from stages.fusion.trained_fusion import FUSIONS
from stages.generation.models.convolution import Grid, check_grid
from stages.generation.models.families import Density
from stages.generation.models.trained_generator import build
from stages.generation.sampler import Generate, guidable
from stages.generation.train import Train
from stages.learning.training import Training
from tools.refusal import one_line

SECTIONS: Mapping[str, type[Strict]] = {
    "run": Run, "acquire": Acquire, "preprocess": Preprocess, "fuse": Fuse, "train": Train, "generate": Generate,
    "judge": Judge, "evaluate": Evaluate, "report": Report,
}  # fmt: skip
BATCH = 2


def main() -> None:
    """Say nothing when all is well."""
    with one_line("params"):
        check()


def check() -> None:
    """Raises ValueError with the first mistake."""
    sections: dict[str, Any] = {name: load(model, name) for name, model in SECTIONS.items()}
    names = load_modalities()
    every = list(dict.fromkeys((*KINDS, *names)))  # what no modality uses has no mistake either
    codecs, items = load_named(SETTINGS, "extract", every), load_named(ITEMS, "preprocess", every)
    load_named(dict.fromkeys(KINDS, Training), "judge", [name for name in every if in_files(name)])
    asked_subsets(names, sections["generate"].subsets)
    grids: dict[str, Grid] = {name: grid(name, items[name]) for name in names if codecs[name].codec == "pixels"}
    shapes: dict[str, Shape] = {name: shape(codecs[name], grids.get(name), items[name]) for name in names}
    with torch.device("meta"):
        check_generator(
            sections["train"],
            max([sections["generate"].guidance, *sections["generate"].compared_guidance]),
            shapes,
            grids,
            check_fusion(sections["fuse"], list(shapes.values())),
        )


def grid(name: str, item: Any) -> Grid:
    """The shape of a picture, a spectrum or the like, with these settings of `preprocess`."""
    height, width, *channels = MODALITIES[kind_of(name)].blank(item).shape
    return height, width, prod(channels)


def shape(codec: OfLevels | OfTokens | OfValues, grid_of: Grid | None, item: Any) -> Shape:
    """Of the features of an item."""
    if grid_of:
        return (prod(grid_of),)
    if isinstance(codec, OfValues):
        return (codec.values.width,)  # at most
    if isinstance(codec, OfPictures) and codec.codec == "pretrained":
        return pretrained_autoencoder.shape_of(codec.pretrained, grid("image", item))
    if isinstance(codec, OfCaptions) and codec.codec == "pretrained":
        return pretrained_reader.shape_of(codec.pretrained, item.length, codec.width)
    return (item.length - 1, codec.width) if codec.codec == "transformer" else (codec.width,)


def check_fusion(settings: Fuse, shapes: list[Shape]) -> int:
    """The width of the representation that a fusion with these settings makes."""
    with fitting(f"fuse.{settings.method}"):
        fusion = FUSIONS[settings.method].build(shapes, settings.unified_width, getattr(settings, settings.method))
        seen = torch.ones(BATCH, len(shapes), dtype=torch.bool)
        try:
            return int(fusion(torch.zeros(BATCH, sum(widths_of(shapes))), seen).shape[1])
        except NotImplementedError:  # `matrix` looks at what is seen, and there is nothing to see
            return settings.unified_width


def check_generator(
    settings: Train, guidance: float, shapes: Mapping[str, Shape], grids: Mapping[str, Grid], unified: int
) -> None:
    """Prior, if there is something to be drawn, and decoders."""
    if unified:
        size: dict[str, Any] = {"width": unified, "condition": unified + len(shapes), "grid": None}
        prior = draw(settings, size | {"hidden": settings.prior.hidden, "depth": settings.prior.depth})
        if guidance > 1:
            guidable(prior)
    for name, features in shapes.items():
        pixels = grids.get(name) if settings.decoders.network == "convolution" else None
        if pixels:
            check_grid(pixels, settings.decoders.depth, name)
        size = {"width": prod(features), "condition": unified, "grid": pixels}
        draw(settings, size | {"hidden": settings.decoders.hidden, "depth": settings.decoders.depth})


def draw(settings: Train, size: dict[str, Any]) -> Density:
    """A density of this size, which draws something."""
    with fitting(f"train.{settings.model}"):
        model = build(settings.model, size, settings.own)
        model.sample(torch.zeros(BATCH, size["condition"]), torch.zeros(BATCH, model.latent_width), steps=1)
    return model


@contextmanager
def fitting(section: str) -> Iterator[None]:
    """What PyTorch refuses to build or to multiply is a mistake in this section."""
    try:
        yield
    except (RuntimeError, AssertionError) as error:
        said = " ".join(str(error).split())
        raise ValueError(f"{section}: expected sizes that fit together, got: {said}; correct params.yaml") from error


if __name__ == "__main__":
    main()
