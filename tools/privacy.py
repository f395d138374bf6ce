"""`make privacy`: what differential privacy costs, and what attacks find, at several bounds, as experiments.

All are the preset `private`; only the bounds differ. Each of the sections that learn gets the same share of the whole
bound; what they tell together stands in the card of the generator, and here.
"""

import argparse
import io
import json
import math
from pathlib import Path

import dvc.api
import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from stages.common.files import replace, write_table
from stages.common.params import load_modalities
from tools.experiments import Run, experiments, follows, git
from tools.refusal import one_line

PRESET, DELTA, CLIP, UNIT = "private", 1e-5, 1.0, "picture"
OUT = Path("metrics")
SHARE = 0.38  # of the whole bound that a section gets: of five such ones together it is kept
EPSILONS = (1.0, 3.0, 10.0, math.inf)
SHOWN = {  # figures, as the table and the picture call them
    "coherence.joint": "from nothing: all agree",
    "one": "one given: the mean",
    "coverage": "coverage: the mean",
    "codecs": "left by codecs: the mean",
    "membership.generator": "members told apart",
}


def main() -> None:
    """Write metrics/privacy.csv and metrics/privacy.png; or print the settings of a bound."""
    parser = argparse.ArgumentParser(prog="privacy", description="what bounds cost, and what attacks find")
    parser.add_argument("--settings", type=float, metavar="EPSILON", help="print those of a bound, for dvc exp run")
    asked = parser.parse_args()
    if asked.settings is not None:
        print(" ".join(settings(asked.settings)))
        return
    with one_line("privacy"):
        commit, runs = experiments("coverage.image")
        last = {bound(run): str(run["rev"]) for run in runs if follows(run, commit, PRESET)}
        if missing := [epsilon for epsilon in EPSILONS if epsilon not in last]:
            raise ValueError(f"expected runs at {', '.join(map(str, EPSILONS))}, got none at {missing}; make privacy")
        table = pd.DataFrame([row(epsilon, last[epsilon]) for epsilon in EPSILONS])
        table = table.assign(commit=git("rev-parse", "--short=7", "HEAD")).round(5)
        write_table(OUT / "privacy.csv", table)
        replace(OUT / "privacy.png", picture(table))
    print(table.to_string(index=False))


def settings(epsilon: float) -> list[str]:
    """What `dvc exp run` takes for attacks, and for a bound on all models together."""
    attacks = ["-S", f"evaluate.attacks={{shadows:4,audited:400,draws:4,unit:{UNIT}}}"]
    if math.isinf(epsilon):
        return attacks
    sections = [*(f"extract.{name}" for name in load_modalities()), "fuse", "train"]
    told = f"{{epsilon:{SHARE * epsilon:g},delta:{DELTA:g},clip:{CLIP:g},unit:{UNIT}}}"
    return [*attacks, *(part for section in sections for part in ("-S", f"{section}.privacy={told}"))]


def bound(run: Run) -> float:
    """The whole bound that a run was asked to keep."""
    share = str(run.get("train.privacy.epsilon"))  # where others have one and it has none, DVC says None
    return math.inf if share == "None" else round(float(share) / SHARE, 6)


def row(epsilon: float, rev: str) -> dict[str, float]:
    """What a run measured."""
    table = pd.read_csv(io.StringIO(dvc.api.read("metrics/table.csv", rev=rev)), index_col="metric")
    card = json.loads(dvc.api.read("data/train/generator.json", rev=rev))["privacy"]
    one = table.filter(regex=r"^coherence\.[^+]+_to_[^+]+$", axis=0)["value"].mean()
    found = {"epsilon": epsilon, "kept": card["total"] if card else math.inf, "delta": DELTA}
    found["coherence.joint"] = table["value"].get("coherence.joint", 0.0)
    found |= {"one": one, "coverage": table.filter(regex=r"^coverage\.\w+$", axis=0)["value"].mean()}
    found["codecs"] = table.filter(regex=r"^codec_accuracy\.", axis=0)["value"].mean()
    attacks = table.filter(regex="^(membership|attribute_inference|extraction)", axis=0)
    for metric, part in attacks.iterrows():
        found |= {str(metric): part["value"], f"{metric}.low": part["low"], f"{metric}.high": part["high"]}
        found[f"{metric}.floor"] = part["floor"]
    return found


def most_area(epsilon: float, delta: float) -> float:
    """Below the curve of any attack on models of this bound, at most.

    Source: Kairouz et al. 2015, arXiv:1311.0776, theorem 2.1: what is found is at most exp(epsilon) times the false
    alarms and delta; and the same of what is not found and of what is no false alarm.

    >>> round(most_area(0.0, 0.0), 3), round(most_area(1.0, 0.0), 3)
    (0.5, 0.731)
    """
    if math.isinf(epsilon):
        return 1.0
    corner = (1 - delta) / (1 + math.exp(epsilon))  # false alarms where both bounds meet; 1 - corner are found there
    return corner * (1 - corner + delta) / 2 + (1 - delta - corner) * (2 - corner) / 2 + delta


def picture(table: pd.DataFrame) -> bytes:
    """A PNG: a panel a figure, over the bounds; the dotted line is the most that an attack can reach."""
    places = range(len(table))
    names = ["no bound" if math.isinf(epsilon) else f"{epsilon:g}" for epsilon in table["epsilon"]]
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(10, 2.6), layout="constrained")
        for axes, (name, title) in zip(figure.subplots(1, len(SHOWN), sharey=True), SHOWN.items(), strict=True):
            axes.plot(places, table[name], "o-", color="#2563a8")
            if f"{name}.low" in table:
                axes.vlines(places, table[f"{name}.low"], table[f"{name}.high"], color="#2563a8")
                most = [most_area(kept, delta) for kept, delta in zip(table["kept"], table["delta"], strict=True)]
                axes.plot(places, most, ":", color="0.4")
            axes.set_title(title)
            axes.set_xticks(places, names)
            axes.set_ylim(-0.02, 1.02)
            axes.grid(axis="y", alpha=0.3)
        figure.supxlabel("epsilon of all models together")
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=110, metadata={"Software": None})  # a version in it would change the bytes
    return buffer.getvalue()


if __name__ == "__main__":
    main()
