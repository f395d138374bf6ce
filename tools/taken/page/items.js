// What is drawn, told and recorded to tensors as training cleaned them, and tensors to what a page shows: as items.py.
import { item } from "./model.js";
import { levelsOf, wav, waveOf } from "./sound.js";
import { Words } from "./words.js";

const TOLERANCE = 24; // levels: what differs more from the corner is no paper

export class Items {
  static async load(card) {
    const items = new Items();
    [items.card, items.arrays, items.words] = [card, {}, {}];
    items.about = Object.fromEntries(card.modalities.map((about) => [about.name, about]));
    for (const { name, kind } of card.modalities) {
      const files = { audio: ["filters", "inverse"], number: ["quantiles"] }[kind] ?? [];
      for (const file of files) items.arrays[`${name}.${file}`] = await array(`${name}.${file}.npy`);
      if (kind === "text") items.words[name] = new Words(await (await fetch(`${name}.tokenizer.json`)).json());
    }
    return items;
  }

  // The tensor of a canvas, an AudioBuffer or words. Throws where it can't be read.
  read(name, told) {
    const about = this.about[name];
    if (about.kind === "image") return item(picture(told, about), [about.size, about.size, about.colour ? 3 : 1]);
    if (about.kind === "audio") {
      const levels = levelsOf(mono(told), about, this.arrays[`${name}.filters`]);
      return item(levels, [levels.length / about.frames, about.frames]);
    }
    if (about.kind === "label") return item([1 + about.words.indexOf(told)], [1], true);
    if (about.kind === "number") {
      const apart = [...this.arrays[`${name}.quantiles`]].map((value) => Math.abs(value - Number(told)));
      return item([apart.indexOf(Math.min(...apart))], [1]);
    }
    const [pad, start, end, first] = this.card.tokens;
    const tokens = this.words[name].encode(told).slice(0, about.length - 2).map((token) => first + token);
    return item([start, ...tokens, end, ...Array(about.length - 2 - tokens.length).fill(pad)], [about.length], true);
  }

  // An element that shows or plays one item of a tensor of several.
  shown(name, made, one) {
    const about = this.about[name];
    const size = made.data.length / made.dims[0];
    const values = made.data.slice(one * size, (one + 1) * size);
    if (about.kind === "image") return canvasOf(values, about);
    if (about.kind === "audio") {
      const wave = waveOf(values, about, this.arrays[`${name}.inverse`]);
      return Object.assign(document.createElement("audio"), { controls: true, src: URL.createObjectURL(wav(wave, about.rate_hz)) });
    }
    return Object.assign(document.createElement("q"), { textContent: this.said(name, Array.from(values, Number)) });
  }

  // What tokens, a label or a number say.
  said(name, values) {
    const about = this.about[name];
    if (about.kind === "label") return about.words[values[0] - 1] ?? "";
    if (about.kind === "number") return String(this.arrays[`${name}.quantiles`][values[0]]);
    const [, , end, first] = this.card.tokens;
    const kept = values.slice(0, [...values, end].indexOf(end)).filter((token) => token >= first);
    return this.words[name].decode(kept.map((token) => token - first));
  }
}

// The numbers of a file of NumPy.
async function array(file) {
  const bytes = await (await fetch(file)).arrayBuffer();
  const begin = 10 + new DataView(bytes).getUint16(8, true);
  const wide = new TextDecoder().decode(bytes.slice(10, begin)).includes("<f8");
  return wide ? new Float64Array(bytes.slice(begin)) : new Float32Array(bytes.slice(begin));
}

function mono(sound) {
  const channels = Array.from({ length: sound.numberOfChannels }, (_, one) => sound.getChannelData(one));
  return channels[0].map((_, at) => channels.reduce((sum, channel) => sum + channel[at], 0) / channels.length);
}

// Scaled, and what differs from the corner set in the middle of a square: S x S x C levels.
function picture(canvas, about) {
  const scale = about.size / Math.max(canvas.width, canvas.height);
  const [width, height] = [canvas.width, canvas.height].map((side) => Math.max(1, Math.round(scale * side)));
  const small = new OffscreenCanvas(width, height).getContext("2d");
  small.imageSmoothingQuality = "high";
  small.fillStyle = "white";
  small.fillRect(0, 0, width, height);
  small.drawImage(canvas, 0, 0, width, height);
  const { data } = small.getImageData(0, 0, width, height);
  const grey = (red, green, blue) => (299 * red + 587 * green + 114 * blue) / 1000;
  const [left, top, right, bottom] = box(width, height, (place) =>
    grey(...[0, 1, 2].map((channel) => Math.abs(data[4 * place + channel] - data[channel]))) > TOLERANCE,
  );
  const [x, y] = [Math.floor((about.size - (right - left)) / 2) - left, Math.floor((about.size - (bottom - top)) / 2) - top];
  return Array.from({ length: about.size ** 2 }, (_, place) => {
    const [column, row] = [(place % about.size) - x, Math.floor(place / about.size) - y];
    const inside = column >= left && column < right && row >= top && row < bottom;
    const pixel = inside ? 4 * (row * width + column) : 0;
    const colour = [...data.slice(pixel, pixel + 3)];
    return about.colour ? colour : [Math.round(grey(...colour))];
  }).flat();
}

// The smallest box around the places that differ: left, top, right, bottom; all where none does.
function box(width, height, differs) {
  const places = Array.from({ length: width * height }, (_, place) => place).filter(differs);
  if (!places.length) return [0, 0, width, height];
  const [columns, rows] = [places.map((place) => place % width), places.map((place) => Math.floor(place / width))];
  return [Math.min(...columns), Math.min(...rows), Math.max(...columns) + 1, Math.max(...rows) + 1];
}

function canvasOf(levels, about) {
  const canvas = Object.assign(document.createElement("canvas"), { width: about.size, height: about.size });
  const channels = about.colour ? [0, 1, 2] : [0, 0, 0];
  const count = about.colour ? 3 : 1;
  const pixels = Array.from({ length: about.size ** 2 }, (_, place) => [...channels.map((channel) => levels[count * place + channel]), 255]);
  canvas.getContext("2d").putImageData(new ImageData(Uint8ClampedArray.from(pixels.flat()), about.size), 0, 0);
  return canvas;
}
