"""What pictures of a size cost: seconds and memory of the stages, for so many made-up samples and for half of them.

``python -m tools.scale --samples 50000 --size 128`` fills a temporary folder with pictures and captions as `preprocess`
leaves them and runs every later stage there. Trainings are short: their cost is that of their steps, whatever the data.
What grows is what reads every item. Growth is the time of all over twice that of half: 1 is linear.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from stages.common.files import growing, read_json, replace, write_json, write_table
from stages.common.params import read_yaml
from stages.common.shards import write_shard
from stages.data.kinds import image, text
from tools.refusal import one_line

STAGES = (
    "features.extract image", "features.extract text", "fusion.fuse", "generation.train", "generation.generate",
    "evaluation.judge", "evaluation.evaluate", "evaluation.report",
)  # fmt: skip
SPLITS = ("train",) * 14 + ("validation",) + ("judge",) * 3 + ("test",) * 2  # of twenty
KINDS = ("ring", "bar", "cross")
PIECE = 256  # samples that are made at a time
STEPS = 200  # of each training


def main() -> None:
    """Print a row a stage."""
    parser = argparse.ArgumentParser(prog="scale", description="seconds and memory of the stages, for made-up pictures")
    parser.add_argument("--samples", type=int, default=2000, metavar="N", help="samples, all splits: 2000")
    parser.add_argument("--size", type=int, default=64, metavar="S", help="side of a picture, 28 to 128: 64")
    parser.add_argument("--only", metavar="WORD", default="", help="stages whose name holds the word, and none behind")
    chosen = parser.parse_args()
    with one_line("scale"):
        if chosen.samples < 200:
            raise ValueError(f"--samples: expected 200 or more, got {chosen.samples}; make more")
        costs = [measured(count, chosen.size, chosen.only) for count in (chosen.samples // 2, chosen.samples)]
    print(f"{'stage':<24}{'seconds':>9}{'MiB':>8}{'growth':>8}")
    for stage, cost in costs[1].items():
        growth = cost["seconds"] / (2 * costs[0][stage]["seconds"])
        print(f"{stage:<24}{cost['seconds']:>9.1f}{cost['peak_mib']:>8.0f}{growth:>8.2f}")


def measured(count: int, size: int, only: str) -> dict[str, dict[str, float]]:
    """Seconds and MiB of the stages for `count` samples. Raises ValueError when one fails."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        folder = Path(name)
        fill(folder, count, size)
        wanted = [stage for stage in STAGES if only in stage]
        for stage in STAGES[: 1 + STAGES.index(wanted[-1])] if wanted else ():
            run_module(folder, f"stages.{stage}")
            log = stage.split(".")[1].replace(" ", "@")
            found[stage] = read_json(folder / f"logs/{log}.json")
    return found


def run_module(folder: Path, module: str) -> None:
    """Run a module, such as ``stages.features.extract image``, in a folder with what it reads.

    Raises ValueError on failure.
    """
    command = [sys.executable, "-m", *module.split()]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{module}: {done.stderr.strip().splitlines()[-1]}")


def fill(folder: Path, count: int, size: int) -> None:
    """A folder in which the stages behind `preprocess` can run."""
    shutil.copytree("stages", folder / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy("dvc.yaml", folder)
    params = settings(read_yaml(Path("params.yaml")), size)
    for name in params["modalities"]:
        (folder / "models" / name).mkdir(parents=True)  # a dependency of extract, pretrained model or not
    replace(folder / "params.yaml", yaml.safe_dump(params))
    raw, clean = folder / "data/acquire", folder / "data/preprocess"
    clean.mkdir(parents=True)
    looks = image.Settings(**params["preprocess"]["image"])
    table = pd.DataFrame({"id": [f"{n:06d}" for n in range(count)], "split": np.resize(SPLITS, count)})
    table["kind"], table["has_image"], table["has_text"] = np.resize(KINDS, count), True, True
    words = text.fit(text.Settings(**params["preprocess"]["text"]), captions(table[:PIECE]), clean / "text")
    train = (table["split"] == "train").to_numpy()
    with (
        growing(clean / "image.clean.npy", image.blank(looks)) as pictures,
        growing(clean / "image.augmented.npy", image.blank(looks)) as copies,
        growing(clean / "text.clean.npy", text.blank(words)) as told,
        growing(clean / "text.augmented.npy", text.blank(words)) as told_again,
    ):
        for start in range(0, count, PIECE):
            part, learned = table[start : start + PIECE], train[start : start + PIECE]
            made, tokens = drawn(part, size, start), np.stack([text.tensor(said, words) for said in captions(part)])
            pictures(made)
            told(tokens)
            for repeated, append in ((made[learned], copies), (tokens[learned], told_again)):
                append(np.repeat(repeated, params["preprocess"]["variants"], axis=0))
            pngs = (image.write(picture, looks) for picture in made)
            files = ({"png": png, "txt": said.encode()} for png, said in zip(pngs, captions(part), strict=True))
            write_shard(raw / f"raw-{start // PIECE:05d}.tar", zip(part["id"], files, strict=True))
    write_table(clean / "samples.csv", table)
    for name, column in (("rejects.csv", ["id", "file", "reason"]), ("remarks.csv", ["remark"])):
        write_table(clean / name, pd.DataFrame(columns=column))
    about = {"kind": {"values": list(KINDS), "shown_by": ["image", "text"]}}
    write_json(clean / "attributes.json", about)
    write_json(clean / "settings.json", params["preprocess"])
    index = table[["id", "split", "kind"]].assign(shard=[f"raw-{n // PIECE:05d}.tar" for n in range(count)])
    write_table(raw / "index.csv", index)
    write_json(raw / "attributes.json", about)
    replace(raw / "licence.txt", "made up\n")


def settings(params: dict[str, Any], size: int) -> dict[str, Any]:
    """The project's own, for pictures of a size and captions, with short trainings."""
    params["modalities"] = {"image": "image", "text": "text"}
    params["acquire"]["source"] = "folder"
    params["preprocess"]["image"]["size"] = size

    def shortened(section: Any) -> Any:
        if not isinstance(section, Mapping):
            return section
        return {key: STEPS if key == "steps" and "batch" in section else shortened(of) for key, of in section.items()}

    return dict(shortened(params))


def captions(table: pd.DataFrame) -> Iterator[str]:
    return (f"a {kind} that is number {key}" for key, kind in zip(table["id"], table["kind"], strict=True))


def drawn(table: pd.DataFrame, size: int, seed: int) -> np.ndarray:
    """Rings, bars and crosses of any place, colour and width, (N, size, size, 3) uint8."""
    rng = np.random.default_rng(seed)
    across = np.linspace(-1, 1, size, dtype=np.float32)
    place, width = rng.uniform(-0.4, 0.4, (2, len(table), 1, 1)), rng.uniform(0.03, 0.2, (len(table), 1, 1))
    x, y = across[None, None, :] - place[0], across[None, :, None] - place[1]  # (N, 1, S), (N, S, 1)
    shapes = {"ring": abs(np.hypot(x, y) - 0.5) < width, "bar": (abs(x) < width) & (abs(y) < 2)}
    shapes["cross"] = shapes["bar"] | (abs(y) < width)
    kinds = table["kind"].to_numpy()[:, None, None]
    ink = np.select([kinds == kind for kind in KINDS], [shapes[kind] for kind in KINDS])[..., None]  # (N, S, S, 1)
    colour, paper = rng.integers(0, 256, (2, len(table), 1, 1, 3))
    noise = rng.integers(-8, 9, (len(table), size, size, 3))
    return np.where(ink, colour, paper + noise).clip(0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
