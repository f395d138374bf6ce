"""Samples of an exported model. It needs onnxruntime, NumPy, Pillow, soundfile and tokenizers, and nothing else.

python run.py --image seven.png --count 4 --out made    what belongs to a picture
python run.py --seed 2                                  from nothing
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime
from items import SUFFIXES, Items

HERE = Path(__file__).parent


class Model:
    """The graphs of a folder, and what turns noise into samples."""

    def __init__(self, folder=HERE):
        self.card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        self.about = {about["name"]: about for about in self.card["modalities"]}
        self.items = Items(folder, self.about, self.card["tokens"])
        self.graphs = {path.stem: onnxruntime.InferenceSession(path) for path in sorted(folder.glob("*.onnx"))}

    def run(self, graph, **inputs):
        return self.graphs[graph].run(None, inputs)[0]

    def sample(self, given, count, seed):
        """`count` samples, each the bytes of a file by modality, given such bytes of some of them."""
        rng, read = np.random.default_rng(seed), {name: self.items.read(name, file) for name, file in given.items()}
        widths = self.card["noise"].items()
        made = self.features(read, {name: rng.standard_normal((count, width), np.float32) for name, width in widths})
        tensors = {name: self.run(f"decode-{name}", features=made[name]) for name in self.about if name not in given}
        return [{name: self.items.write(name, tensors[name][one]) for name in tensors} for one in range(count)]

    def features(self, given, noises):
        """By modality the features of samples, a row each, given tensors by modality and noise by model."""
        count, parts = len(noises["prior"]), []
        for name, about in self.about.items():
            parts.append(np.zeros((count, about["width"]), np.float32))
            if name in given:
                items = given[name][None].astype(np.float32 if given[name].dtype == np.uint8 else np.int64)
                parts[-1] = self.run(f"encode-{name}", items=items).repeat(count, 0)
        seen = np.tile([name in given for name in self.about], (count, 1))
        told, nothing = (
            np.concatenate([self.run("fuse", features=np.concatenate(parts, 1), seen=some), some], 1, dtype=np.float32)
            for some in (seen, np.zeros_like(seen))
        )
        guided = nothing if given and self.card["guidance"] != 1 else None
        unified = self.draw("prior", np.float32(self.card["prior_temperature"]) * noises["prior"], told, guided)
        scale = np.float32(self.card["decoder_temperature"])
        return {name: self.draw(name, scale * noises[name], unified) for name in self.about}

    def draw(self, model, noise, condition, nothing=None):
        """Heun's steps from noise along the learned velocity (Karras et al. 2022, algorithm 1); a GAN needs none."""
        if self.card["family"] != "flow":
            return self.run(model, noise=noise, condition=condition)

        def velocity(x, time):
            times = np.full((len(x), 1), time, np.float32)
            told = self.run(model, x=x, t=times, condition=condition)
            if nothing is None:
                return told
            untold = self.run(model, x=x, t=times, condition=nothing)
            return untold + np.float32(self.card["guidance"]) * (told - untold)

        x, step = noise, np.float32(1 / self.card["steps"])
        for number in range(self.card["steps"]):
            first = velocity(x, number * step)
            x = x + step / 2 * (first + velocity(x + step * first, (number + 1) * step))
        return x


def main():
    model, parser = Model(), argparse.ArgumentParser(description="samples, from what is given or from nothing")
    for name, about in model.about.items():
        itself = "" if about["kind"] in SUFFIXES else ", or itself"
        parser.add_argument(f"--{name}", help=f"{about['kind']}: a file{itself}")
    parser.add_argument("--count", type=int, default=6, help="samples to make: 6")
    parser.add_argument("--seed", type=int, default=1, help="others with another: 1")
    parser.add_argument("--out", type=Path, default=Path("made"), help="a new folder: made")
    chosen = vars(parser.parse_args())
    told = {name: chosen[name] for name in model.about if chosen[name] is not None}
    if chosen["out"].exists() or chosen["count"] < 1 or len(told) == len(model.about):
        parser.error("expected a new --out, a --count of 1 or more, and a modality that is left to make")
    try:
        given = {name: Path(one).read_bytes() if Path(one).is_file() else one.encode() for name, one in told.items()}
        made = model.sample(given, chosen["count"], chosen["seed"])
    except (OSError, ValueError, RuntimeError) as error:
        parser.error(" ".join(str(error).split()))
    chosen["out"].mkdir(parents=True)
    for number, files in enumerate(made):
        for name, file in files.items():
            kind = model.about[name]["kind"]
            (chosen["out"] / f"{number}.{name}.{SUFFIXES.get(kind, 'txt')}").write_bytes(file)


if __name__ == "__main__":
    main()
