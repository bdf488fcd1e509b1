/** Columns filled row by row in typed arrays, handed to polars as one Arrow IPC file without a JavaScript value for any cell. */
import {
  type Data,
  type DataType,
  DateDay,
  Field,
  Float64,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Utf8,
} from "apache-arrow";
import pl, { type DataFrame } from "nodejs-polars";

/** A column under construction; every `push` adds a row. */
export interface ColumnBuilder {
  readonly rows: number;
  /** The rows so far as Arrow data without nulls. */
  finish(): Data;
}

/** 64-bit integers, given as numbers that are integers below 2^53. */
export class IntColumn implements ColumnBuilder {
  rows = 0;
  private words = new Int32Array(1 << 12);

  push(value: number): void {
    const at = 2 * this.rows++;
    if (at === this.words.length) this.words = doubled(this.words, new Int32Array(2 * at));
    this.words[at] = value % 4294967296;
    this.words[at + 1] = Math.floor(value / 4294967296);
  }

  finish(): Data {
    return makeData({ type: new Int64(), length: this.rows, nullCount: 0, data: new BigInt64Array(this.words.buffer, 0, this.rows) });
  }
}

/** 64-bit floats. */
export class FloatColumn implements ColumnBuilder {
  rows = 0;
  private values = new Float64Array(1 << 11);

  push(value: number): void {
    if (this.rows === this.values.length) this.values = doubled(this.values, new Float64Array(2 * this.rows));
    this.values[this.rows++] = value;
  }

  finish(): Data {
    return makeData({ type: new Float64(), length: this.rows, nullCount: 0, data: this.values.subarray(0, this.rows) });
  }
}

/** Dates, given as days since 1970-01-01. */
export class DateColumn implements ColumnBuilder {
  rows = 0;
  private days = new Int32Array(1 << 11);

  push(days: number): void {
    if (this.rows === this.days.length) this.days = doubled(this.days, new Int32Array(2 * this.rows));
    this.days[this.rows++] = days;
  }

  finish(): Data {
    return makeData({ type: new DateDay(), length: this.rows, nullCount: 0, data: this.days.subarray(0, this.rows) });
  }
}

/** ASCII strings, put together from pieces: any number of `add...` calls, then `push`. */
export class TextColumn implements ColumnBuilder {
  rows = 0;
  private offsets = new Int32Array(1 << 11);
  private bytes = new Uint8Array(1 << 15);
  private length = 0;

  /** Appends the bytes [from, to) of `source` to the open row. */
  addBytes(source: Uint8Array, from: number, to: number): void {
    const end = this.length + to - from;
    while (end > this.bytes.length) this.bytes = doubled(this.bytes, new Uint8Array(2 * this.bytes.length));
    const { bytes } = this;
    let at = this.length;
    for (let i = from; i < to; i++) bytes[at++] = source[i] ?? 0;
    this.length = end;
  }

  /** Appends a word to the open row. */
  add(word: Uint8Array): void {
    this.addBytes(word, 0, word.length);
  }

  /** Appends a non-negative integer in decimal, with leading zeros to `width` digits. */
  addNumber(value: number, width: number): void {
    let digits = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    const size = Math.max(width, digits);
    while (this.length + size > this.bytes.length) this.bytes = doubled(this.bytes, new Uint8Array(2 * this.bytes.length));
    let rest = value;
    for (let at = this.length + size - 1; at >= this.length; at--) {
      this.bytes[at] = 48 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.length += size;
  }

  /** Ends the open row. */
  push(): void {
    if (this.rows + 1 === this.offsets.length) this.offsets = doubled(this.offsets, new Int32Array(2 * this.offsets.length));
    this.offsets[++this.rows] = this.length;
  }

  /** A row that is one word. */
  pushWord(word: Uint8Array): void {
    this.add(word);
    this.push();
  }

  finish(): Data {
    const valueOffsets = this.offsets.subarray(0, this.rows + 1);
    return makeData({ type: new Utf8(), length: this.rows, nullCount: 0, valueOffsets, data: this.bytes.subarray(0, this.length) });
  }
}

/** How a generator gets its columns: real ones, or ones that forget all that they are given. */
export interface ColumnKinds {
  int(): IntColumn;
  float(): FloatColumn;
  date(): DateColumn;
  text(): TextColumn;
}

export const realColumns: ColumnKinds = {
  int: () => new IntColumn(),
  float: () => new FloatColumn(),
  date: () => new DateColumn(),
  text: () => new TextColumn(),
};

class ForgettingInts extends IntColumn {
  override push(): void {}
}
class ForgettingFloats extends FloatColumn {
  override push(): void {}
}
class ForgettingDates extends DateColumn {
  override push(): void {}
}
class ForgettingTexts extends TextColumn {
  override addBytes(): void {}
  override add(): void {}
  override addNumber(): void {}
  override push(): void {}
  override pushWord(): void {}
}

/** Columns without rows: a generator that fills them only draws its random numbers. */
export const forgettingColumns: ColumnKinds = {
  int: () => new ForgettingInts(),
  float: () => new ForgettingFloats(),
  date: () => new ForgettingDates(),
  text: () => new ForgettingTexts(),
};

function doubled<T extends Int32Array | Float64Array | Uint8Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}

/** The DataFrame of columns of equal length, in the order of the record's keys. */
export function frameOf(columns: Readonly<Record<string, ColumnBuilder>>): DataFrame {
  const children = Object.values(columns).map((column) => column.finish());
  const fields = Object.keys(columns).map((name, i) => new Field<DataType>(name, children[i]?.type ?? new Utf8(), false));
  const length = children[0]?.length ?? 0;
  const batch = new RecordBatch(new Schema(fields), makeData({ type: new Struct(fields), length, nullCount: 0, children }));
  return pl.readIPC(Buffer.from(tableToIPC(new Table([batch]), "file").buffer));
}
