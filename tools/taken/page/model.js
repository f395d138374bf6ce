// The graphs of a folder, and what turns noise into samples: as run.py does, with another source of noise.
import * as ort from "./ort.wasm.bundle.min.mjs";

ort.env.wasm.numThreads = 1; // more need headers that a plain file server does not send

export class Model {
  static async load(card) {
    const model = new Model();
    model.card = card;
    model.graphs = {};
    for (const graph of card.graphs) {
      model.graphs[graph] = await ort.InferenceSession.create(`${graph}.onnx`);
    }
    return model;
  }

  async run(graph, inputs) {
    return (await this.graphs[graph].run(inputs)).made;
  }

  // `count` samples: by modality a tensor of all; `given` are tensors of one item each, by modality.
  async sample(given, count, seed) {
    const normal = normals(seed);
    const noises = Object.fromEntries(
      Object.entries(this.card.noise).map(([name, width]) => [name, Float32Array.from({ length: count * width }, normal)]),
    );
    const features = await this.features(given, noises, count);
    const made = {};
    for (const { name, width } of this.card.modalities) {
      if (!(name in given)) {
        made[name] = await this.run(`decode-${name}`, { features: tensor(features[name], count, width) });
      }
    }
    return made;
  }

  // By modality the features of samples, from noise by model.
  async features(given, noises, count) {
    const { card } = this;
    const parts = [];
    for (const { name, width } of card.modalities) {
      parts.push(name in given ? (await this.run(`encode-${name}`, { items: given[name] })).data : new Float32Array(width));
    }
    const row = Float32Array.from(parts.flatMap((part) => [...part]));
    const told = await this.told(row, card.modalities.map(({ name }) => name in given), count);
    const guided = Object.keys(given).length > 0 && card.guidance !== 1;
    const nothing = guided ? await this.told(row, card.modalities.map(() => false), count) : null;
    const unified = await this.draw("prior", scaled(noises.prior, card.prior_temperature), told, nothing, count);
    const made = {};
    for (const { name } of card.modalities) {
      made[name] = await this.draw(name, scaled(noises[name], card.decoder_temperature), unified, null, count);
    }
    return made;
  }

  // What the prior is told: the representation of what is seen, and which modalities that are.
  async told(row, seen, count) {
    const features = tensor(repeated(row, count), count, row.length);
    const mask = new ort.Tensor("bool", Uint8Array.from(repeated(seen.map(Number), count)), [count, seen.length]);
    const unified = (await this.run("fuse", { features, seen: mask })).data;
    const width = unified.length / count;
    const rows = Array.from({ length: count }, (_, one) => [...unified.slice(one * width, (one + 1) * width), ...seen.map(Number)]);
    return Float32Array.from(rows.flat());
  }

  // Heun's steps from noise along the learned velocity (Karras et al. 2022, algorithm 1); a GAN needs none.
  async draw(model, noise, condition, nothing, count) {
    const about = tensor(condition, count);
    if (this.card.family !== "flow") {
      return (await this.run(model, { noise: tensor(noise, count), condition: about })).data;
    }
    const velocity = async (x, time) => {
      const [at, t] = [tensor(x, count), tensor(new Float32Array(count).fill(time), count)];
      const told = (await this.run(model, { x: at, t, condition: about })).data;
      if (nothing === null) return told;
      const untold = (await this.run(model, { x: at, t, condition: tensor(nothing, count) })).data;
      return untold.map((value, one) => value + this.card.guidance * (told[one] - value));
    };
    const step = 1 / this.card.steps;
    let x = noise;
    for (let number = 0; number < this.card.steps; number++) {
      const first = await velocity(x, number * step);
      const second = await velocity(x.map((value, one) => value + step * first[one]), (number + 1) * step);
      x = x.map((value, one) => value + (step / 2) * (first[one] + second[one]));
    }
    return x;
  }
}

export function tensor(values, count, width = values.length / count) {
  return new ort.Tensor("float32", Float32Array.from(values), [count, width]);
}

// What an encoder reads: levels, or tokens.
export function item(values, shape, tokens) {
  return tokens
    ? new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [1, ...shape])
    : new ort.Tensor("float32", Float32Array.from(values), [1, ...shape]);
}

function repeated(row, count) {
  return Array.from({ length: count }, () => [...row]).flat();
}

function scaled(noise, scale) {
  return noise.map((value) => scale * value);
}

// Normal numbers, the same for a seed: mulberry32 (Ettinger 2017), then Box and Muller 1958.
function normals(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
