"""`python -m tools.export --out model`: the trained models as a folder that runs without this repository.

It has a graph (ONNX) of each network, what turns files into tensors and back, a card, the licences, and a program that
needs onnxruntime, NumPy, Pillow, soundfile and tokenizers alone; with `--page` a page for browsers, too, in which one
draws and hears. Kinds whose files need more than these, such as videos, can't be taken along.
"""

import argparse
import logging
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stages.common.files import read_json, replace, write_json
from stages.common.modality import kind_of
from stages.common.special_tokens import END, MARKS, PAD, START
from stages.common.stage import logged
from stages.data.kinds.audio import inverse_filters
from stages.data.kinds.extra import library
from stages.data.kinds.mel import filters
from stages.data.kinds.phase import OVERLAP
from stages.generation.sampler import Sampler
from tools import onnxruntime_web
from tools.generate import DATA, check_place, new_folder
from tools.graphs import TAKEN, Decoder, Density, Encoder, example
from tools.models import check_models, known, load_sampler
from tools.refusal import one_line

OUT, PROGRAM = Path("data/model"), Path(__file__).parent / "taken"
TOLD = {  # of each kind that can be taken along: the settings that its files need
    "image": ("size", "colour"), "text": ("length",), "audio": ("rate_hz", "hop", "frames", "floor_db", "griffin_lim"),
    "label": (), "number": (),
}  # fmt: skip
PRECISIONS = ("float32", "float16", "int8")
OPSET = 18


def main() -> None:
    """Write the folder; refuses what can't be taken along and a folder that exists."""
    parser = argparse.ArgumentParser(prog="export", description="the trained models, to run without this repository")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help=f"a new folder: {OUT}")
    parser.add_argument("--page", action="store_true", help="with a page for browsers; needs npm")
    parser.add_argument("--precision", choices=PRECISIONS, default=PRECISIONS[0], help="of the weights: float32")
    chosen = parser.parse_args()
    with one_line("export"), torch.no_grad():
        names = known()
        check_place(chosen.out)
        check_models()
        with logged("export"):
            sampler = load_sampler(names, chosen.out, None)
        check_kinds(names, sampler)
        with new_folder(chosen.out) as folder, logged("export"):
            if chosen.page:  # first, because it is soon known whether that can be
                add_page(folder, sampler)
            export(folder, sampler, chosen.precision)
    size = sum(path.stat().st_size for path in chosen.out.iterdir())
    print(f"export: {chosen.out}, {size / 2**20:.1f} MiB; python {chosen.out / 'run.py'} --help")


def export(folder: Path, sampler: Sampler, precision: str) -> None:
    """Write all files of models that `check_kinds` has passed."""
    names = sampler.dataset.names
    for file, (module, inputs) in graphs(names, sampler).items():
        write_graph(folder / f"{file}.onnx", module, inputs, precision)
    write_rest(folder, names, sampler, precision)


def add_page(folder: Path, sampler: Sampler) -> None:
    """A page that runs the models in a browser; any file server publishes it. Raises ValueError where it can't."""
    for name in [name for name in sampler.dataset.names if kind_of(name) == "audio"]:
        if (hop := sampler.fitted[name].hop) & (hop - 1):
            raise ValueError(f"--page: expected a hop of {name} that is a power of two, got {hop}; leave --page out")
    onnxruntime_web.bring(folder)
    for file in sorted((PROGRAM / "page").iterdir()):
        shutil.copy(file, folder / file.name)


def check_kinds(names: Sequence[str], sampler: Sampler) -> None:
    """Raises ValueError where something can't be taken along."""
    if strange := [f"{name} ({kind_of(name)})" for name in names if kind_of(name) not in TOLD]:
        raise ValueError(f"expected modalities of the kinds {', '.join(TOLD)}, got {', '.join(strange)}; train without")
    if foreign := [name for name in names if not isinstance(sampler.codecs[name], TAKEN)]:
        raise ValueError(
            f"expected codecs that were learned here, got a pretrained one of {foreign[0]}; choose another"
        )
    if sampler.prior is None:
        raise ValueError("expected a fusion, got models of fuse.method none; choose another and train again")


def graphs(names: Sequence[str], sampler: Sampler) -> dict[str, tuple[nn.Module, dict[str, Tensor]]]:
    """Every network with what goes in, of two samples, by the name of its file."""
    found: dict[str, tuple[nn.Module, dict[str, Tensor]]] = {}
    widths = dict(zip(names, sampler.dataset.widths, strict=True))
    for name in names:
        found[f"encode-{name}"] = Encoder(sampler.codecs[name]), {"items": example(sampler.codecs[name])}
        found[f"decode-{name}"] = Decoder(sampler.codecs[name]), {"features": torch.zeros(2, widths[name])}
    features, seen = torch.zeros(2, sum(widths.values())), torch.ones(2, len(names), dtype=torch.bool)
    found["fuse"] = sampler.fused, {"features": features, "seen": seen}
    told = {"prior": sampler.fused.width + len(names)} | dict.fromkeys(names, sampler.fused.width)
    for name, model in models(names, sampler).items():
        found[name] = Density.of(model, told[name])
    return found


def models(names: Sequence[str], sampler: Sampler) -> dict[str, Any]:
    """The prior and the decoders."""
    return {"prior": sampler.prior, **dict(zip(names, sampler.decoders, strict=True))}


def write_graph(path: Path, module: nn.Module, inputs: dict[str, Tensor], precision: str) -> None:
    """A network as ONNX, of any number of samples."""
    library("onnxscript", "export")
    several = torch.export.Dim("samples", min=1)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():  # of what the exporter deprecates in itself
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.cpu().eval(), kwargs=inputs, f=path, input_names=list(inputs), output_names=["made"], dynamo=True,
            dynamic_shapes={name: {0: several} for name in inputs}, external_data=False, opset_version=OPSET,
            verbose=False,
        )  # fmt: skip
    check_free(path)
    if precision == "int8":
        quantize = library("onnxruntime.quantization", "export").quantize_dynamic
        logging.disable(logging.WARNING)  # that graphs may be prepared for it, at each
        quantize(path, path)
        logging.disable(logging.NOTSET)
    elif precision == "float16":
        onnx, halves = library("onnx", "export"), library("onnxruntime.transformers.float16", "export")
        onnx.save(halves.convert_float_to_float16(onnx.load(path), keep_io_types=True), path)


def check_free(path: Path) -> None:
    """Raises RuntimeError where a graph takes a fixed number of samples: a size that Python saw became a constant."""
    for one in library("onnx", "export").load(path).graph.input:
        if not one.type.tensor_type.shape.dim[0].dim_param:
            raise RuntimeError(f"{path.name} takes two samples at a time, because of its input '{one.name}'")


def write_rest(folder: Path, names: Sequence[str], sampler: Sampler, precision: str) -> None:
    """The card, arrays, tokenisers, licences and the program."""
    settings, modalities = read_json(DATA / "preprocess/settings.json"), []
    for name, width in zip(names, sampler.dataset.widths, strict=True):
        told = sampler.fitted[name]
        about = {"name": name, "kind": kind_of(name), "width": width}
        about |= {key: settings[name].get(key, True) for key in TOLD[kind_of(name)]}
        modalities.append(about)
        if kind_of(name) == "audio":
            arguments = told.rate_hz, OVERLAP * told.hop, told.bands
            np.save(folder / f"{name}.filters.npy", filters(*arguments))
            np.save(folder / f"{name}.inverse.npy", np.ascontiguousarray(inverse_filters(*arguments)))
        elif kind_of(name) == "text":
            replace(folder / f"{name}.tokenizer.json", told.tokenizer.to_str())
        elif kind_of(name) == "label":
            about["words"] = list(told.words)
        elif kind_of(name) == "number":
            np.save(folder / f"{name}.quantiles.npy", told.quantiles)
    card, chosen = read_json(DATA / "train/generator.json"), sampler.settings
    write_json(folder / "card.json", {
        "modalities": modalities, "family": card["family"], "precision": precision,
        "graphs": sorted(path.stem for path in folder.glob("*.onnx")),
        "noise": {name: model.latent_width for name, model in models(names, sampler).items()},
        "steps": chosen.steps, "guidance": chosen.guidance, "prior_temperature": chosen.prior_temperature,
        "decoder_temperature": chosen.decoder_temperature, "tokens": [PAD, START, END, MARKS], "origin": card["origin"],
    })  # fmt: skip
    for file in ("run.py", "items.py"):
        shutil.copy(PROGRAM / file, folder / file)
    shutil.copy("LICENSE", folder / "LICENSE")
    replace(folder / "DATA_LICENCE.txt", (DATA / "acquire/licence.txt").read_bytes())


if __name__ == "__main__":
    main()
