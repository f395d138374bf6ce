"""The stages that learn, one after the other in this process: what they import is imported once."""

from stages.common.params import load_modalities
from stages.features import extract
from stages.fusion import fuse
from stages.generation import train


def main() -> None:
    """From data/preprocess to data/train, in this folder."""
    for name in load_modalities():
        extract.main(name)
    fuse.main()
    train.main()


if __name__ == "__main__":
    main()
