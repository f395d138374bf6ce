// Captions to tokens and back: byte-level byte-pair encoding, as the library tokenizers does it.
const PIECES = /'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

// The letter that stands for each byte: itself where it can be printed, else one beyond 255.
const LETTERS = (() => {
  const printed = (byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let spare = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printed(byte) ? byte : spare++));
})();
const BYTES = new Map(LETTERS.map((letter, byte) => [letter, byte]));

export class Words {
  constructor(tokenizer) {
    this.numbers = new Map(Object.entries(tokenizer.model.vocab));
    this.pieces = new Map([...this.numbers].map(([piece, number]) => [number, piece]));
    this.ranks = new Map(tokenizer.model.merges.map((pair, rank) => [[].concat(pair).join(" "), rank]));
  }

  encode(text) {
    const told = text.normalize("NFC").split(/\s+/u).filter(Boolean).join(" ");
    return [...told.matchAll(PIECES)].flatMap(([word]) => {
      const letters = [...new TextEncoder().encode(word)].map((byte) => LETTERS[byte]);
      return this.merged(letters).map((piece) => this.numbers.get(piece));
    });
  }

  // Neighbours become one, the earliest learned pair first.
  merged(pieces) {
    for (;;) {
      const rank = (one) => this.ranks.get(`${pieces[one]} ${pieces[one + 1]}`) ?? Infinity;
      const places = pieces.slice(1).map((_, one) => one);
      const best = places.reduce((least, one) => (rank(one) < rank(least) ? one : least), 0);
      if (!places.length || rank(best) === Infinity) return pieces;
      pieces = [...pieces.slice(0, best), pieces[best] + pieces[best + 1], ...pieces.slice(best + 2)];
    }
  }

  decode(numbers) {
    const letters = numbers.flatMap((number) => [...(this.pieces.get(number) ?? "")]);
    return new TextDecoder().decode(Uint8Array.from(letters, (letter) => BYTES.get(letter)));
  }
}
