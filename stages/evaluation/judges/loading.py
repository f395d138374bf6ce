"""The judges that `judge` kept: what reads each modality, and the attribute that ties modalities together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from stages.common.files import read_json
from stages.evaluation.judges.classifier import Classifier
from stages.evaluation.judges.matcher import Matcher
from stages.learning.device import device

GRAMMAR, CLASSIFIER, MATCHER, EXACT = "grammar", "classifier", "matcher", "exact"  # kinds of readers


@dataclass(frozen=True)
class Judges:
    """What reads each modality, and the trained networks among it."""

    readers: Mapping[str, str]  # modality -> GRAMMAR, CLASSIFIER, MATCHER or EXACT
    reads: Mapping[str, list[str]]  # modality -> the attributes found in it
    classifiers: Mapping[str, Classifier]
    matcher: Matcher | None


def key_attribute(attributes: Mapping[str, Any], reads: Mapping[str, Collection[str]]) -> str | None:
    """The attribute that ties the modalities together: built in, the digit. None where there is no such.

    Of those found in two modalities (or in the only one) that which most always show, then that of most values.
    """
    least = min(2, len(reads))
    found = [a for a in attributes if sum(a in attributes_read for attributes_read in reads.values()) >= least]
    return max(found, key=lambda a: (len(attributes[a]["shown_by"]), len(attributes[a]["values"])), default=None)


def load_judges(folder: Path, names: Sequence[str]) -> Judges:
    """What the stage `judge` kept in `folder` of these modalities, networks on the device."""
    kept = read_json(folder / "readers.json")
    readers = {name: kept[name] for name in names}
    classifiers, matcher = {}, None
    for name, reader in readers.items():
        if reader["by"] == CLASSIFIER:
            card = read_json(folder / f"{name}.json")
            classifiers[name] = Classifier(name, card["network"], card["inputs"], card["values"])
            classifiers[name].load_state_dict(load_file(folder / f"{name}.safetensors"))
            classifiers[name].to(device()).eval().requires_grad_(False)
    if (folder / "matcher.json").exists():
        card = read_json(folder / "matcher.json")
        matcher = Matcher(card["network"], {name: card["inputs"][name] for name in names if name in card["inputs"]})
        matcher.load_state_dict(load_file(folder / "matcher.safetensors"))
        matcher.to(device()).eval().requires_grad_(False)
    return Judges(
        {name: reader["by"] for name, reader in readers.items()},
        {name: reader["reads"] for name, reader in readers.items()},
        classifiers,
        matcher,
    )
