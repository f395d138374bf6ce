"""What could not be used: a row for each sample, with the file and the reason in words."""

import re
from typing import NamedTuple

import pandas as pd


class Reject(NamedTuple):
    """A row of rejects.csv."""

    id: str
    file: str
    reason: str


COLUMNS = Reject._fields


# Control characters, and the halves of characters that stand for bytes which are no UTF-8: no table can keep them.
UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def table(rejects: list[Reject]) -> pd.DataFrame:
    return pd.DataFrame([[plain(cell) for cell in reject] for reject in rejects], columns=list(COLUMNS))


def plain(text: str) -> str:
    """The text with escapes for what no table can keep."""
    return UNWRITABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def most_frequent(reasons: pd.Series) -> str:
    """The three most frequent reasons with their counts."""
    return "; ".join(f"{count} x {reason}" for reason, count in reasons.value_counts().head(3).items())
