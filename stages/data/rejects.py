"""What could not be used: a row for each sample, with the file and the reason in words."""

from typing import NamedTuple

import pandas as pd


class Reject(NamedTuple):
    """A row of rejects.csv."""

    id: str
    file: str
    reason: str


COLUMNS = Reject._fields


def table(rejects: list[Reject]) -> pd.DataFrame:
    return pd.DataFrame(rejects, columns=list(COLUMNS))


def most_frequent(reasons: pd.Series) -> str:
    """The three most frequent reasons with their counts."""
    return "; ".join(f"{count} x {reason}" for reason, count in reasons.value_counts().head(3).items())
