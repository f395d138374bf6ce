"""Data that no model can come of: one line that says why, exit code 2, and nothing half-written."""

from collections.abc import Callable

import pytest

from stages.data import acquire, preprocess
from tests.data.home import Home, picture

COUNT = 40


def table(rows: list[str]) -> str:
    return "\n".join(["id,image,split,kind", *rows])


def one(home: Home) -> None:
    home.put({"0.png": picture(), "manifest.csv": table(["0,0.png,,a"])})


def identical(home: Home) -> None:
    home.put({"0.png": picture(), "manifest.csv": table([f"{n},0.png,,a" for n in range(COUNT)])})


def wrong_columns(home: Home) -> None:
    home.put({"0.png": picture(), "manifest.csv": "id,imge\n0,0.png"})


def no_train(home: Home) -> None:
    home.put({f"{n}.png": picture(n) for n in range(COUNT)})
    home.put({"manifest.csv": table([f"{n},{n}.png,{'test' if n % 2 else 'judge'},a" for n in range(COUNT)])})


def nothing_there(home: Home) -> None:
    home.put({"manifest.csv": table([f"{n},{n}.png,,a" for n in range(COUNT)])})


CASES: dict[str, tuple[Callable[[Home], None], str]] = {
    "one sample": (one, "expected enough groups for 4 splits, got 1; add samples or even out the shares"),
    "all the same": (identical, "expected enough groups for 4 splits, got 1; add samples or even out the shares"),
    "wrong columns": (wrong_columns, "manifest: expected a column 'image', got 'imge'; rename it"),
    "an empty split": (no_train, "expected samples of the split train, got only judge, test"),
    "no file": (nothing_there, "got none (40 x image: expected a file, got none of that name); correct the data"),
}


@pytest.mark.parametrize(("lay", "told"), CASES.values(), ids=CASES)
def test_the_command_says_it_in_one_line(lay: Callable[[Home], None], told: str, home: Home) -> None:
    lay(home)
    home.set("manifest")
    done = home.run("acquire")
    assert done.returncode == 2
    assert done.stderr.startswith("acquire: ") and done.stderr.count("\n") == 1, done.stderr
    assert told in done.stderr
    assert not list((home.folder / "data").glob("*"))


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("38", "expected samples in every split, got none in judge; add samples"),
        ("0", "expected at least 2 samples with image in the split test, got 1; add such samples"),
    ],
)
def test_a_split_in_which_too_little_is_left_is_said(
    broken: str, told: str, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    splits = ["train"] * 37 + ["validation", "judge", "test"]
    home.put({f"{n}.png": picture(n) for n in range(COUNT)} | {f"{broken}.png": b"broken"})
    home.put({"manifest.csv": table([f"{n},{n}.png,{split},a" for n, split in enumerate(splits)])})
    home.set("manifest", ["image"])
    acquire.main()
    with pytest.raises(SystemExit) as ended:
        preprocess.main()
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
    assert not (home.folder / "data/preprocess").exists()


def test_ten_thousand_classes_and_a_label_of_one_value(home: Home) -> None:
    rows = [f"{n},t{n},k{n % 10000},same" for n in range(20_000)]
    home.put({"manifest.csv": "\n".join(["id,text,kind,only", *rows])})
    home.set("manifest", ["text"], shard_size=5000)
    acquire.main()
    preprocess.main()
    assert {name: len(about["values"]) for name, about in home.attributes().items()} == {"kind": 10000}
    assert len(home.made()["text.clean"]) == 20_000


def test_rejects_of_both_stages_count_against_the_limit(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.put({f"{n}.png": picture(n) for n in range(COUNT)} | {"3.png": b"broken"})
    home.put({"manifest.csv": table([*(f"{n},{n}.png,,a" for n in range(COUNT)), "lost,lost.png,,a"])})
    for limit, fails in ((1.5 / 41, True), (2 / 41, False)):
        home.set("manifest", ["image"], limit=limit)
        acquire.main()
        if fails:
            with pytest.raises(SystemExit):
                preprocess.main()
            assert "of 41 samples to be rejected, got 2 (1 x image: " in capsys.readouterr().err
        else:
            preprocess.main()
            assert set(home.rejects("preprocess")) == {"lost", "3"}


def test_the_same_data_gives_the_same_bytes_whatever_came_before(home: Home) -> None:
    home.put({f"{n}.png": picture(n) for n in range(COUNT)} | {f"{n}.txt": f"c{n}" for n in range(0, COUNT, 2)})
    home.set("folder", ["image", "text"], shard_size=7)
    made = []
    for _ in range(2):
        acquire.main()
        preprocess.main()
        made.append({name: home.bytes(name) for name in ("acquire", "preprocess")})
    assert made[0] == made[1]
    assert not [path for path in home.folder.rglob("*.part") if "stages" not in path.parts]
