"""What was done with the data that its owner would want to know: a sentence each, printed, kept and on the page.

Rejects are samples that could not be used; remarks are on samples that are used, but not as they came.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from stages.common.files import read_table, write_table
from stages.data.records.rejects import plain

REMARKS = "remarks.csv"


def keep(stage: str, folder: Path, remarks: Sequence[str], earlier: Sequence[str] = ()) -> None:
    """Print what a stage remarks, and write it below `folder` behind what was remarked earlier; a column `remark`."""
    for remark in remarks:
        print(f"{stage}: {plain(remark)}")
    write_table(folder / REMARKS, pd.DataFrame({"remark": list(map(plain, [*earlier, *remarks]))}, dtype=str))


def read(folder: Path) -> list[str]:
    """The remarks of a stage; none where it left no file: the built-in data has nothing to remark."""
    path = folder / REMARKS
    return list(read_table(path, text=("remark",))["remark"]) if path.exists() else []
