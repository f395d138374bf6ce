"""The demonstration: 300 samples with every kind of dirt that people have, through the real commands.

What can be used is used, what can't is listed with a reason, and no bad sample takes a good one along.
"""

import io
import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from stages.common.files import read_json
from tests.clones import clone, staged
from tests.data.home import RATE_HZ, Home, build, clip, picture
from tests.toy import copied

COUNT = 300
KINDS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
SOUNDS = ("WAV", "FLAC", "OGG", "MP3", "AIFF")
SAYINGS = (
    "a red block", "", "\u0645\u0631\u062d\u0628\u0627", "\u65e5\u672c\u8a9e\u306e\u6587", "\U0001f469\u200d\U0001f680",
    "e\u0301 and \u00e9", "line one\r\nline two", "word " * 20000, "\u0939\u093f\u0928\u094d\u0926\u0940",
)  # fmt: skip


def saved(page: Image.Image, kind: str, **how: object) -> bytes:
    buffer = io.BytesIO()
    page.save(buffer, kind, **how)
    return buffer.getvalue()


def odd_picture(n: int) -> bytes:
    """Pictures in every form that is fine: modes, depths, rotation, several frames, sizes."""
    page = Image.open(io.BytesIO(picture(n, size=60)))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    return [
        saved(page.quantize(16), "PNG"),
        saved(Image.fromarray(np.asarray(page.convert("L")).astype(np.uint16) * 257), "PNG"),
        saved(page.convert("RGBA"), "PNG"),
        saved(page, "JPEG", exif=exif.tobytes()),
        saved(page, "GIF", save_all=True, append_images=[Image.new("RGB", page.size)]),
        saved(page.convert("CMYK"), "JPEG"),
        saved(page.convert("1"), "BMP"),
        saved(page.resize((3000, 20)), "JPEG"),
        saved(page.resize((1, 1)), "PNG"),
    ][n % 9]


def sound(n: int) -> bytes:
    """Clips in every form that is fine: kinds of files, rates, channels, from a tenth of a second to a minute."""
    seconds, rate_hz = (0.1, 0.3, 1.0, 2.5, 61.0)[n % 5 if n % 50 == 4 else n % 4], (8000, 16000, 22050, 44100)[n % 4]
    wave = 0.4 * np.sin(2 * np.pi * (100 + n) * np.arange(int(seconds * rate_hz)) / rate_hz)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.stack([wave] * (1 + n % 3 % 2), 1), rate_hz, format=SOUNDS[n % 5])
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG of a few bytes whose head promises 40,000 pixels a side."""
    head = struct.pack(">IIBBBBB", 40000, 40000, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def promising_mp3() -> bytes:
    """An MP3 whose head promises thousands of millions of samples."""
    whole = bytearray(clip(200, "MP3", seconds=1))
    place = max(whole.find(b"Xing"), whole.find(b"Info"))
    assert place > 0
    whole[place + 8 : place + 12] = b"\x7f\xff\xff\xff"
    return bytes(whole)


def floats(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, values.astype(np.float32), RATE_HZ, format="WAV", subtype="FLOAT")
    return buffer.getvalue()


Dirt = tuple[str, Callable[[], bytes], str]  # modality, content, reason
DIRT: dict[str, Dirt] = {
    "cut png": ("image", lambda: picture(1)[:90], "expected a picture, got 90 bytes of PNG that do not decode"),
    "cut jpeg": ("image", lambda: picture(1, "JPEG")[:-300], "expected a picture, got"),
    "cut gif": ("image", lambda: picture(1, "GIF")[:-200], "expected a picture, got"),
    "empty png": ("image", lambda: b"", "expected a picture, got 0 bytes of unknown kind that do not decode"),
    "text as png": ("image", lambda: b"I am a text.", "expected a picture, got 12 bytes of unknown kind"),
    "clip as png": ("image", clip, "expected a picture, got"),
    "bomb": ("image", bomb, "expected a picture, got more pixels than Pillow decodes; scale it down"),
    "cut wav": ("audio", lambda: clip()[:2000], "expected a whole sound file, got 2000 bytes that end too soon"),
    "cut flac": ("audio", lambda: clip(200, "FLAC")[:1000], "expected a sound file, got 1000 bytes that do not decode"),
    "cut ogg": ("audio", lambda: clip(200, "OGG")[:1000], "expected a "),
    "cut mp3": ("audio", lambda: clip(200, "MP3", seconds=3)[:2000], "expected a whole sound file, got 2000 bytes"),
    "promising mp3": ("audio", promising_mp3, "expected a whole sound file, got"),
    "empty wav": ("audio", lambda: b"", "expected a sound file, got 0 bytes that do not decode"),
    "picture as wav": ("audio", picture, "expected a sound file, got"),
    "silent": ("audio", lambda: floats(np.zeros(9000)), "expected a sound, got silence"),
    "nan": ("audio", lambda: floats(np.full(9000, np.nan)), "expected samples around full scale"),
    "latin 1": ("text", lambda: b"caf\xe9", "expected UTF-8 text, got byte 0xe9 at 3"),
    "picture as text": ("text", picture, "expected UTF-8 text, got byte 0x89 at 0"),
}
ROWS: dict[str, tuple[str, str]] = {  # rows of the table that lead to no file: image cell, reason
    "missing": ("nowhere.png", "image: expected a file, got none of that name"),
    "outside": ("../params.yaml", "image: expected a path inside the data's folder, got one that leaves it"),
    "linked": ("link.png", "image: expected a path inside the data's folder, got one that leaves it"),
    "folder": ("good", "image: expected a file, got a folder or a device"),
    "this machine": ("file:///etc/passwd", "image: expected a URL of http"),
}


def fill(home: Home) -> set[str]:
    """The data set: a table in which good samples and dirt stand side by side; returns the ids of the good ones."""
    lines, good = [], set()
    for n in range(COUNT - len(DIRT) - len(ROWS) - 3):
        key, files = f"good.{n}", {}
        if n % 7 != 1:
            files["image"] = (f"good/{n}.png", odd_picture(n) if n % 2 else picture(n, KINDS[n % 6]))
        if n % 5 != 2:
            files["audio"] = (f"good/{n}.snd", sound(n))
        if n % 3 != 0 or not files:
            files["text"] = (f"good/{n}.txt", SAYINGS[n % len(SAYINGS)].encode())
        home.put(dict(files.values()))
        lines.append(
            {
                "id": key,
                **{name: path for name, (path, _) in files.items()},
                "kind": "" if n % 11 == 4 else "xyz"[n % 3],
                "only": "1",
            }
        )
        good.add(key)
    for key, (name, make, _) in DIRT.items():
        home.put({f"bad/{key}": make(), "bad/fine.png": picture(3)})
        lines.append({"id": key, "image": "bad/fine.png", name: f"bad/{key}", "kind": "x"})
    lines += [{"id": key, "image": place} for key, (place, _) in ROWS.items()]
    lines += [dict(lines[0]), {**lines[1], "kind": "z"}, {"id": "nothing", "kind": "x"}]
    (home.mine / "link.png").symlink_to("/etc/hostname")
    home.put({"manifest.jsonl": "\r\n".join(json.dumps(line) for line in lines)})
    return good


@pytest.fixture(scope="module")
def messy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, set[str]]:
    """The data set after both stages, and the ids of its good samples. Leave it as it is."""
    home = build(tmp_path_factory.mktemp("messy"))
    good = fill(home)
    home.set("manifest", shard_size=50, limit=0.1)
    for stage in ("acquire", "preprocess"):
        done = home.run(stage)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    return home, good


@pytest.mark.slow
def test_what_can_be_used_is_used_and_the_rest_is_listed(messy: tuple[Home, set[str]]) -> None:
    home, good = messy
    samples = home.table("preprocess/samples.csv")
    assert set(samples["id"]) == good
    table = home.table("preprocess/rejects.csv")
    told = dict(zip(table["id"], zip(table["file"], table["reason"], strict=True), strict=True))
    assert len(samples) + len(table) == COUNT
    for key, (name, _, reason) in DIRT.items():
        assert told[key][0] == f"bad/{key}"
        assert told[key][1].startswith(f"{name}: {reason}"), told[key]
    for key, (place, reason) in ROWS.items():
        assert told[key][0] == place
        assert told[key][1].startswith(reason), told[key]
    assert told["good.0"][1].endswith("already with the same content")
    assert told["good.1"][1].endswith("already with other content; give each sample an id of its own")
    assert told["nothing"][1] == "expected one of image, text, audio, got none of them"


@pytest.mark.slow
def test_what_is_there_is_masked_and_finite(messy: tuple[Home, set[str]]) -> None:
    home, _ = messy
    samples, made = home.table("preprocess/samples.csv"), home.made()
    number = samples["id"].str.removeprefix("good.").astype(int)
    assert (samples["has_image"] == "True").tolist() == (number % 7 != 1).tolist()
    assert (samples["has_audio"] == "True").tolist() == (number % 5 != 2).tolist()
    assert set(samples["split"]) == {"train", "validation", "judge", "test"}
    assert read_json(home.folder / "data/preprocess/attributes.json").keys() == {"kind"}, "`only` has one value"
    for name, array in made.items():
        there = (samples[f"has_{name.split('.')[0]}"] == "True").to_numpy()
        if name.endswith("clean"):
            assert len(array) == len(samples)
            blank = (array.reshape(len(array), -1) == array[~there][0].ravel()).all(1)
            assert (blank == ~there).all()


@pytest.mark.slow
def test_above_the_limit_it_fails_with_the_three_most_frequent_reasons(
    messy: tuple[Home, set[str]], tmp_path: Path
) -> None:
    home = Home(copied(messy[0].folder, tmp_path / "copy"))
    shutil.rmtree(home.folder / "data/preprocess")
    home.set("manifest", shard_size=50, limit=0.05)
    done = home.run("preprocess")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "expected at most 5% of 300 samples to be rejected, got 26 (" in done.stderr
    assert done.stderr.count(" x ") == 3
    assert not (home.folder / "data/preprocess").exists()


@pytest.mark.proof
@pytest.mark.slow
def test_the_pipeline_goes_on_with_it(tmp_path: Path) -> None:
    """The whole pipeline: kinds for labels where some have none, gaps, captions in many tongues and none at all."""
    home = Home(clone(tmp_path))
    home.mine.mkdir()
    good = fill(home)
    # Its kinds are dealt out by number: what shows them has to be told, because no judge could find out.
    home.set("manifest", shard_size=50, limit=0.1, attributes={"kind": ["image", "text", "audio"]})
    staged(home.folder)
    assert set(home.table("preprocess/samples.csv")["id"]) == good
    readers = read_json(home.folder / "data/judge/readers.json")
    assert {reader["by"] for reader in readers.values()} == {"classifier"}
    summary = read_json(home.folder / "metrics/summary.json")
    assert {"joint", "worst", "image_to_text", "text_to_audio", "audio_to_image"} <= set(summary["coherence"])
    assert set(summary["fidelity"]) == set(summary["ceiling"]) == {"image", "text", "audio"}
    assert "From nothing" in (home.folder / "data/report/index.html").read_text(encoding="utf-8")
