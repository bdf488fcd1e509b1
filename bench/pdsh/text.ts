/** Comments as dbgen makes them: cut at random places from one long text that follows the grammar of TPC-H 4.2.2.14. */
import type { TextColumn } from "./frame.ts";
import { Random } from "./random.ts";
import { ascii, grammar } from "./words.ts";

const poolBytes = 2 << 20;
const space = ascii(" ");
const comma = ascii(", ");
const the = ascii("the ");
const alphabet = ascii("0123456789abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ,");

/** A uniformly chosen element of a list that is not empty. */
export function pick<T>(random: Random, list: readonly T[]): T {
  const chosen = list[random.between(0, list.length - 1)];
  if (chosen === undefined) throw new RangeError("pick from an empty list");
  return chosen;
}

/** Source of the random texts of one table. */
export class TextSource {
  private static pool: Uint8Array | undefined;
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** Adds a piece of comment text of `low` to `high` characters to the open row. */
  comment(column: TextColumn, low: number, high: number): void {
    TextSource.pool ??= makePool();
    const size = this.random.between(low, high);
    const from = this.random.between(0, TextSource.pool.length - size);
    column.addBytes(TextSource.pool, from, from + size);
  }

  /** Adds `low` to `high` random characters, the addresses of the specification, to the open row. */
  address(column: TextColumn, low: number, high: number): void {
    const size = this.random.between(low, high);
    for (let i = 0; i < size; i++) {
      const at = this.random.between(0, alphabet.length - 1);
      column.addBytes(alphabet, at, at + 1);
    }
  }

  /** Adds a telephone number, whose first two digits are the nation key plus 10, to the open row. */
  phone(column: TextColumn, nation: number): void {
    const dash = ascii("-");
    column.addNumber(nation + 10, 2);
    column.add(dash);
    column.addNumber(this.random.between(100, 999), 3);
    column.add(dash);
    column.addNumber(this.random.between(100, 999), 3);
    column.add(dash);
    column.addNumber(this.random.between(1000, 9999), 4);
  }
}

/** The long text: `poolBytes` of sentences, the same for every table, seed and scale. */
function makePool(): Uint8Array {
  const random = Random.seeded(0, "text");
  const text = new Uint8Array(poolBytes);
  let length = 0;
  const put = (bytes: Uint8Array): void => {
    const fitting = bytes.subarray(0, poolBytes - length);
    text.set(fitting, length);
    length += fitting.length;
  };
  const word = (list: readonly Uint8Array[]): void => {
    put(pick(random, list));
    put(space);
  };
  const { nouns, verbs, adjectives, adverbs, prepositions, auxiliaries, terminators } = grammar;
  const nounPhrase = (): void => {
    const form = random.between(0, 3);
    if (form === 3) word(adverbs);
    if (form === 2) {
      put(pick(random, adjectives));
      put(comma);
    }
    if (form >= 1) word(adjectives);
    word(nouns);
  };
  const verbPhrase = (): void => {
    const form = random.between(0, 3);
    if (form === 1 || form === 3) word(auxiliaries);
    word(verbs);
    if (form >= 2) word(adverbs);
  };
  const prepositional = (): void => {
    word(prepositions);
    put(the);
    nounPhrase();
  };
  while (length < poolBytes) {
    const form = random.between(0, 4);
    nounPhrase();
    if (form >= 3) prepositional();
    verbPhrase();
    if (form === 1 || form === 4) prepositional();
    if (form === 2 || form === 3) nounPhrase();
    length--;
    word(terminators);
  }
  return text;
}
