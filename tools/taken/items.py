"""Files to tensors as training cleaned them, and back: pictures, sounds, captions, labels and numbers."""

import io

import numpy as np
import soundfile
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image, ImageChops, ImageOps
from tokenizers import Tokenizer

SUFFIXES = {"image": "png", "audio": "wav"}  # of the kinds that are no words


class Items:
    """What the card and the folder know of each modality."""

    def __init__(self, folder, about, marks):
        self.about, self.marks = about, marks
        self.arrays = {path.stem: np.load(path) for path in folder.glob("*.npy")}
        files = {name: folder / f"{name}.tokenizer.json" for name in self.about}
        self.words = {name: Tokenizer.from_file(str(file)) for name, file in files.items() if file.is_file()}

    def read(self, name, file):
        """The tensor of a file's bytes: levels of uint8, or tokens. Raises ValueError where it can't be read."""
        about = self.about[name]
        if about["kind"] == "image":
            return picture(Image.open(io.BytesIO(file)), about)
        if about["kind"] == "audio":
            return self.spectrum(name, *soundfile.read(io.BytesIO(file), dtype="float32", always_2d=True))
        told = " ".join(file.decode().split())
        if about["kind"] == "label":
            return np.array([1 + about["words"].index(told)], np.uint16)
        if about["kind"] == "number":
            return np.abs(self.arrays[f"{name}.quantiles"] - float(told)).argmin(keepdims=True).astype(np.uint8)
        pad, start, end, first = self.marks
        tokens = [start, *(first + token for token in self.words[name].encode(told).ids[: about["length"] - 2]), end]
        return np.array(tokens + [pad] * (about["length"] - len(tokens)), np.uint16)

    def write(self, name, item):
        """The bytes of a file with what a tensor holds."""
        about, buffer = self.about[name], io.BytesIO()
        if about["kind"] == "label":
            return about["words"][item[0] - 1].encode() if 0 < item[0] <= len(about["words"]) else b""
        if about["kind"] == "number":
            return f"{self.arrays[f'{name}.quantiles'][item[0]]:.6g}".encode()
        if about["kind"] == "text":
            _, _, end, first = self.marks
            kept = item[: [*item, end].index(end)]
            return self.words[name].decode([int(token) - first for token in kept if token >= first]).encode()
        if about["kind"] == "image":
            Image.fromarray(item[..., 0] if item.shape[-1] == 1 else item).save(buffer, "PNG")
        else:
            soundfile.write(buffer, self.wave(name, item), about["rate_hz"], format="WAV", subtype="PCM_16")
        return buffer.getvalue()

    def spectrum(self, name, channels, rate_hz):
        """The log-mel levels of the first moments, without the silence around them: (F, T)."""
        about, mono = self.about[name], channels.mean(1)
        hop, room = about["hop"], about["frames"] * about["hop"]
        count = round(len(mono) * about["rate_hz"] / rate_hz)
        sound = np.fft.irfft(np.fft.rfft(mono)[: count // 2 + 1], count) * (count / len(mono))  # at the working rate
        power = (sliding_window_view(np.pad(sound, 2 * hop), 4 * hop)[::hop] ** 2).mean(1)
        loud = np.flatnonzero(power > 1e-4 * power.max())  # 40 dB below the loudest is silence
        if not len(loud):
            raise ValueError("expected a sound, got silence")
        sound = sound[loud[0] * hop : (loud[-1] + 1) * hop][:room]
        sound = np.pad(sound / np.abs(sound).max(), (0, room - len(sound)))
        mel = self.arrays[f"{name}.filters"] @ np.abs(analysed(sound, hop)[:-1].T) ** 2
        decibels = 10 * np.log10(np.maximum(mel, 1e-10))
        return ((decibels - decibels.max()) / -about["floor_db"] * 255 + 255).round().clip(0, 255).astype(np.uint8)

    def wave(self, name, levels):
        """The sound of log-mel levels, its phase guessed (fast Griffin-Lim, Perraudin et al. 2013, algorithm 2)."""
        about = self.about[name]
        power = np.where(levels > 0, 10 ** ((levels / 255 - 1) * -about["floor_db"] / 10), 0)
        magnitudes = np.pad(np.sqrt(np.maximum(self.arrays[f"{name}.inverse"] @ power, 0)).T, ((0, 1), (0, 0)))
        turns = np.random.RandomState(0).random(magnitudes.shape[::-1]).T
        guess, before = magnitudes * np.exp(2j * np.pi * turns), 0
        for _ in range(about["griffin_lim"]):
            rebuilt = analysed(synthesised(guess, about["hop"]), about["hop"])
            ahead = rebuilt - 0.99 / 1.99 * before
            guess, before = ahead * magnitudes / np.maximum(np.abs(ahead), 1e-19), rebuilt
        sound = synthesised(guess, about["hop"])
        return 0.9 * sound / max(np.abs(sound).max(), 1e-6)


def picture(file, about):
    """Scaled, and what differs from the corner set in the middle of a square: (S, S, C) levels."""
    page = ImageOps.exif_transpose(file).convert("RGBA")
    page = Image.alpha_composite(Image.new("RGBA", page.size, "white"), page).convert("RGB")
    scale = about["size"] / max(page.size)
    if scale != 1:
        page = page.resize([max(1, round(scale * side)) for side in page.size], Image.Resampling.LANCZOS)
    paper = page.getpixel((0, 0))
    change = ImageChops.difference(page, Image.new("RGB", page.size, paper)).convert("L")
    page = page.crop(change.point(lambda level: 255 * (level > 24)).getbbox() or (0, 0, *page.size))
    square = Image.new("RGB", (about["size"], about["size"]), paper)
    square.paste(page, ((square.width - page.width) // 2, (square.height - page.height) // 2))
    return np.asarray(square) if about["colour"] else np.asarray(square.convert("L"))[..., None]


def hann(hop):
    return 0.5 - 0.5 * np.cos(np.pi / 2 * np.arange(4 * hop) / hop)


def analysed(sound, hop):
    """Whole hops of a sound -> (T, K) frames of its spectrum, centred, each of four hops."""
    return np.fft.rfft(sliding_window_view(np.pad(sound, 2 * hop), 4 * hop)[::hop] * hann(hop))


def synthesised(frames, hop):
    """The sound whose frames are nearest to these."""
    sound, weight = np.zeros((len(frames) + 3, hop)), np.zeros((len(frames) + 3, hop))
    pieces, windows = np.fft.irfft(frames) * hann(hop), np.tile(hann(hop) ** 2, (len(frames), 1))
    for part in range(4):
        sound[part : part + len(frames)] += pieces[:, part * hop : (part + 1) * hop]
        weight[part : part + len(frames)] += windows[:, part * hop : (part + 1) * hop]
    return (sound / np.where(weight > 1e-9, weight, 1)).reshape(-1)[2 * hop : -2 * hop]
