/** WGSL: the tables of the finite state entropy coder (RFC 8878, 4.1). */

/** Most states of the tables of literal lengths, match lengths, offsets and Huffman weights, and the first word of each. */
const STATES = [512, 512, 256, 64] as const;
export const TABLES = { literalLengths: 0, matchLengths: 1, offsets: 2, weights: 3 } as const;
const tableWord = (table: number): number => STATES.slice(0, table).reduce((sum, states) => sum + states, 0);

/** Words of `counts` of one table: more than any has symbols. */
const COUNTS = 64;

/** Largest symbols of the four alphabets; a Huffman weight is at most 11. */
const LARGEST = [35, 52, 31, 12] as const;
/** Largest accuracy logs. */
const MOST_LOG = [9, 9, 8, 6] as const;

/** First value and extra bits of each literal length code and each match length code. */
const lengths = (first: number, plain: number, extra: readonly number[]): readonly { readonly base: number; readonly extra: number }[] => {
  let base = first;
  return [...Array.from({ length: plain }, () => 0), ...extra].map((bits) => {
    const code = { base, extra: bits };
    base += 2 ** bits;
    return code;
  });
};
const literalExtra = [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const matchExtra = [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const LITERAL_CODES = lengths(0, 16, literalExtra);
const MATCH_CODES = lengths(3, 32, matchExtra);

const hex = (values: readonly number[], bits: number): string =>
  `0x${values.reduceRight((word, value) => word * 2 ** bits + value, 0).toString(16)}u`;

/** Distributions that need no description (RFC 8878, 3.1.1.3.2.2), of literal lengths, match lengths and offsets. */
const PREDEFINED = [
  [4, 3, ...Array<number>(11).fill(2), 1, 1, 1, ...Array<number>(9).fill(2), 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1],
  [1, 4, 3, 2, 2, 2, 2, 2, 2, ...Array<number>(37).fill(1), ...Array<number>(7).fill(-1)],
  [1, 1, 1, 1, 1, 1, 2, 2, 2, ...Array<number>(15).fill(1), -1, -1, -1, -1, -1],
] as const;
const PREDEFINED_LOG = [6, 6, 5] as const;

const padded = (values: readonly number[], length: number): readonly number[] => Array.from({ length }, (_, index) => values[index] ?? 0);
/** Four bytes of a word. */
const packed = (bytes: readonly number[]): readonly number[] =>
  Array.from({ length: bytes.length / 4 }, (_, word) =>
    bytes.slice(word * 4, word * 4 + 4).reduceRight((value, byte) => value * 256 + (byte & 0xff), 0),
  );

/** Where the predefined counts begin among the constants. */
export const ZSTD_PREDEFINED_WORD = 2 * COUNTS;

/** Constants that kernels take as parameters from their word 4 on: base | extra bits << 24 of each code; the predefined counts. A compiler would copy arrays of the source. */
export const ZSTD_CONSTANTS: readonly number[] = [
  ...[LITERAL_CODES, MATCH_CODES].flatMap((codes) =>
    padded(
      codes.map(({ base, extra }) => base | (extra << 24)),
      COUNTS,
    ),
  ),
  ...packed(PREDEFINED.flatMap((counts) => padded(counts, COUNTS))),
];

/*
 * Tables `from` to `to` of several blocks. An entry of a table, by state: first next state (9 bits), symbol (6 bits from bit 9), 31 minus the bits to
 * add to the next state (5 from 17), extra bits of the symbol (6 from 24). The two counts of bits can be summed over three entries by adding the entries.
 *
 * `counts` of a table: occurrences of each symbol, NONE for one of "less than one". `logs` of a table: its log2 states, NONE for no table.
 */
export const zstdTables = (blocks: number, from: number, to: number): string => /* wgsl */ `
const NONE = 0xffffffffu;
var<workgroup> tables: array<u32, ${(tableWord(to) - tableWord(from)) * blocks}>;
var<workgroup> counts: array<u32, ${COUNTS * (to - from) * blocks}>;
var<workgroup> logs: array<u32, ${(to - from) * blocks}>;

fn largest_of(table: u32) -> u32 { return (${hex(LARGEST, 8)} >> (table * 8u)) & 0xffu; }
fn most_log_of(table: u32) -> u32 { return (${hex(MOST_LOG, 8)} >> (table * 8u)) & 0xffu; }
fn predefined_log_of(table: u32) -> u32 { return (${hex(PREDEFINED_LOG, 8)} >> (table * 8u)) & 0xffu; }
// Where a table of block f begins, and where its counts do; its log.
fn table_of(f: u32, table: u32) -> u32 {
  let word = min(table, 2u) * ${STATES[0]}u + select(0u, ${STATES[2]}u, table == ${TABLES.weights}u);
  return f * ${tableWord(to) - tableWord(from)}u + word - ${tableWord(from)}u;
}
fn counts_of(f: u32, table: u32) -> u32 { return (f * ${to - from}u + table - ${from}u) * ${COUNTS}u; }
fn log_of(f: u32, table: u32) -> u32 { return f * ${to - from}u + table - ${from}u; }

// The byte behind a description, NONE where it is corrupt, and the log of its states.
struct Counts { behind: u32, log: u32 }

// Reads the description of a table from byte "first" on, to the counts from "own" on.
fn read_counts(own: u32, table: u32, first: u32, end: u32) -> Counts {
  let word = first >> 2u;
  let largest = largest_of(table);
  var at = (first & 3u) * 8u;
  let log = low(bits_at(word, at), 4u) + 5u;
  if (first >= end || log > most_log_of(table)) { return Counts(NONE, 0u); }
  at += 4u;
  var left = (1u << log) + 1u;
  var threshold = 1u << log;
  var size = log + 1u;
  var symbol = 0u;
  for (var k = 0u; k <= largest; k++) { counts[own + k] = 0u; }
  while (left > 1u) {
    if (symbol > largest) { return Counts(NONE, 0u); }
    let bits = bits_at(word, at);
    let short = 2u * threshold - 1u - left;
    var value = low(bits, size - 1u);
    if (value < short) {
      at += size - 1u;
    } else {
      value = low(bits, size);
      if (value >= threshold) { value -= short; }
      at += size;
    }
    // One more than the count, 0 for "less than one", which takes one state.
    left -= select(value - 1u, 1u, value == 0u);
    if (left == 0u || left > 1024u) { return Counts(NONE, 0u); }
    counts[own + symbol] = value - 1u;
    symbol += 1u;
    if (value == 1u) {
      var zeros = 3u;
      while (zeros == 3u && symbol <= largest) {
        zeros = low(bits_at(word, at), 2u);
        at += 2u;
        symbol += zeros;
      }
    }
    while (left < threshold) { size -= 1u; threshold >>= 1u; }
  }
  let behind = word * 4u + ((at + 7u) >> 3u);
  if (behind > end || symbol > largest + 1u) { return Counts(NONE, 0u); }
  return Counts(behind, log);
}

// One invocation makes a table from its counts from "own" on, which are lost.
fn build_table(own: u32, f: u32, table: u32) {
  let log = logs[log_of(f, table)];
  let size = 1u << log;
  let first = table_of(f, table);
  let largest = largest_of(table);
  var high = size;
  for (var s = 0u; s <= largest; s++) {
    if (counts[own + s] == NONE) {
      high -= 1u;
      tables[first + high] = s;
      counts[own + s] = 1u;
    } else if (counts[own + s] > 0u) {
      counts[own + s] |= 0x10000u;
    }
  }
  let step = (size >> 1u) + (size >> 3u) + 3u;
  var state = 0u;
  for (var s = 0u; s <= largest; s++) {
    if (counts[own + s] < 0x10000u) { continue; }
    counts[own + s] &= 0xffffu;
    for (var k = counts[own + s]; k > 0u; k--) {
      tables[first + state] = s;
      state = (state + step) & (size - 1u);
      while (state >= high) { state = (state + step) & (size - 1u); }
    }
  }
  for (var k = 0u; k < size; k++) {
    let s = tables[first + k];
    let next = counts[own + s];
    counts[own + s] = next + 1u;
    let bits = log - highest_bit(next);
    tables[first + k] = ((next << bits) - size) | entry_of(table, s, bits);
  }
}

fn entry_of(table: u32, symbol: u32, bits: u32) -> u32 {
  return (symbol << 9u) | ((31u - bits) << 17u) | (extra_bits(table, symbol) << 24u);
}

fn extra_bits(table: u32, symbol: u32) -> u32 {
  if (table >= ${TABLES.offsets}u) { return symbol; }
  return P[1u + (table * ${COUNTS}u + symbol) / 4u][symbol & 3u] >> 24u;
}
`;

export const ZSTD_CODES = COUNTS;
