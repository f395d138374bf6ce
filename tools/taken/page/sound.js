// Sounds to log-mel levels and back, as items.py does it. A window is four hops, and a power of two long.
const OVERLAP = 4;
const MOMENTUM = 0.99; // of fast Griffin-Lim (Perraudin et al. 2013, algorithm 2)

// The log-mel levels of the first moments of a wave, without the silence around them: F x T.
export function levelsOf(wave, about, filters) {
  const { hop, frames, floor_db: floor } = about;
  const powers = cut(wave, hop).map((frame) => frame.reduce((sum, value) => sum + value * value, 0) / frame.length);
  const loudest = powers.reduce((most, power) => Math.max(most, power), 0);
  const loud = powers.flatMap((power, one) => (power > 1e-4 * loudest ? [one] : [])); // 40 dB below it is silence
  if (!loud.length) throw new Error("expected a sound, got silence");
  const kept = wave.slice(loud[0] * hop, (loud.at(-1) + 1) * hop).slice(0, frames * hop);
  const peak = kept.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const padded = new Float32Array(frames * hop);
  padded.set(kept.map((value) => value / peak));
  const spectrum = analysed(padded, hop).slice(0, frames).map(({ real, imag }) => real.map((value, k) => value ** 2 + imag[k] ** 2));
  const bands = filters.length / (2 * hop + 1);
  const decibels = weighted(filters, bands, spectrum).map((power) => 10 * Math.log10(Math.max(power, 1e-10)));
  const most = decibels.reduce((high, value) => Math.max(high, value), -Infinity);
  return decibels.map((value) => Math.min(255, Math.max(0, Math.round(((value - most) / -floor) * 255 + 255))));
}

// The wave of F x T log-mel levels, its phase guessed.
export function waveOf(levels, about, inverse) {
  const { hop, frames, floor_db: floor, griffin_lim: rounds } = about;
  const bands = levels.length / frames;
  const columns = Array.from({ length: frames }, (_, t) =>
    Array.from({ length: bands }, (_, f) => (levels[f * frames + t] ? 10 ** (((levels[f * frames + t] / 255 - 1) * -floor) / 10) : 0)),
  );
  const width = 2 * hop + 1;
  const flat = weighted(inverse, width, columns).map((power) => Math.sqrt(Math.max(power, 0)));
  const magnitudes = Array.from({ length: frames + 1 }, (_, t) =>
    Float64Array.from({ length: width }, (_, k) => (t < frames ? flat[k * frames + t] : 0)),
  );
  let guess = magnitudes.map((row) => {
    const turns = row.map(() => 2 * Math.PI * Math.random());
    return { real: row.map((value, k) => value * Math.cos(turns[k])), imag: row.map((value, k) => value * Math.sin(turns[k])) };
  });
  let before = magnitudes.map((row) => ({ real: row.map(() => 0), imag: row.map(() => 0) }));
  const share = MOMENTUM / (1 + MOMENTUM);
  for (let round = 0; round < rounds; round++) {
    const rebuilt = analysed(synthesised(guess, hop), hop);
    guess = rebuilt.map((frame, t) => {
      const real = frame.real.map((value, k) => value - share * before[t].real[k]);
      const imag = frame.imag.map((value, k) => value - share * before[t].imag[k]);
      const scale = real.map((value, k) => magnitudes[t][k] / Math.max(Math.hypot(value, imag[k]), 1e-19));
      return { real: real.map((value, k) => value * scale[k]), imag: imag.map((value, k) => value * scale[k]) };
    });
    before = rebuilt;
  }
  const wave = synthesised(guess, hop);
  const peak = wave.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  return wave.map((value) => (0.9 * value) / peak);
}

// A wave as a 16-bit WAV.
export function wav(wave, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * wave.length));
  const text = (place, letters) => [...letters].forEach((letter, one) => view.setUint8(place + one, letter.charCodeAt(0)));
  text(0, "RIFF"), text(8, "WAVEfmt "), text(36, "data");
  view.setUint32(4, 36 + 2 * wave.length, true), view.setUint32(16, 16, true), view.setUint32(40, 2 * wave.length, true);
  view.setUint16(20, 1, true), view.setUint16(22, 1, true), view.setUint16(32, 2, true), view.setUint16(34, 16, true);
  view.setUint32(24, rate, true), view.setUint32(28, 2 * rate, true);
  wave.forEach((value, one) => view.setInt16(44 + 2 * one, Math.round(32767 * value), true));
  return new Blob([view], { type: "audio/wav" });
}

// (R, K) weights times columns of K: R x T.
function weighted(weights, rows, columns) {
  const width = weights.length / rows;
  const found = new Float64Array(rows * columns.length);
  columns.forEach((column, t) => {
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += weights[row * width + k] * column[k];
      found[row * columns.length + t] = sum;
    }
  });
  return found;
}

// Frames of a wave of whole hops, centred.
function cut(wave, hop) {
  const padded = new Float64Array(wave.length + OVERLAP * hop);
  padded.set(wave, 2 * hop);
  return Array.from({ length: Math.floor(wave.length / hop) + 1 }, (_, t) => padded.slice(t * hop, (t + OVERLAP) * hop));
}

function hann(hop) {
  return Float64Array.from({ length: OVERLAP * hop }, (_, one) => 0.5 - 0.5 * Math.cos((Math.PI * one) / (2 * hop)));
}

// The spectrum of each frame, 2 hop + 1 frequencies.
function analysed(wave, hop) {
  const window = hann(hop);
  return cut(wave, hop).map((frame) => {
    const [real, imag] = [frame.map((value, one) => value * window[one]), new Float64Array(frame.length)];
    transform(real, imag);
    return { real: real.slice(0, 2 * hop + 1), imag: imag.slice(0, 2 * hop + 1) };
  });
}

// The wave whose frames are nearest to these.
function synthesised(frames, hop) {
  const [window, length] = [hann(hop), OVERLAP * hop];
  const [sound, weight] = [new Float64Array((frames.length + 3) * hop), new Float64Array((frames.length + 3) * hop)];
  frames.forEach(({ real, imag }, t) => {
    // the real part of the way back is that of the way there, of the conjugate, mirrored at the middle
    const [x, y] = [new Float64Array(length), new Float64Array(length)];
    x.set(real), y.set(imag.map((value) => -value));
    y[0] = y[2 * hop] = 0;
    for (let k = 1; k < 2 * hop; k++) (x[length - k] = real[k]), (y[length - k] = imag[k]);
    transform(x, y);
    for (let one = 0; one < length; one++) {
      sound[t * hop + one] += (x[one] / length) * window[one];
      weight[t * hop + one] += window[one] ** 2;
    }
  });
  return sound.map((value, one) => value / (weight[one] > 1e-9 ? weight[one] : 1)).slice(2 * hop, -2 * hop);
}

// Fourier transform in place, of a power of two (Cooley and Tukey 1965).
function transform(real, imag) {
  const length = real.length;
  for (let one = 1, other = 0; one < length; one++) {
    let bit = length >> 1;
    for (; other & bit; bit >>= 1) other ^= bit;
    other ^= bit;
    if (one < other) {
      [real[one], real[other]] = [real[other], real[one]];
      [imag[one], imag[other]] = [imag[other], imag[one]];
    }
  }
  for (let half = 1; half < length; half *= 2) {
    for (let k = 0; k < half; k++) {
      const [cos, sin] = [Math.cos((Math.PI * k) / half), -Math.sin((Math.PI * k) / half)];
      for (let one = k; one < length; one += 2 * half) {
        const other = one + half;
        const [x, y] = [real[other] * cos - imag[other] * sin, real[other] * sin + imag[other] * cos];
        (real[other] = real[one] - x), (imag[other] = imag[one] - y);
        (real[one] += x), (imag[one] += y);
      }
    }
  }
}
