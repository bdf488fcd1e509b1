/** Headers of Parquet pages: Thrift's compact protocol, as far as pages use it (parquet.thrift, PageHeader). */

/** Numbers of `PageType`. */
export const DATA_PAGE = 0;
export const DICTIONARY_PAGE = 2;
export const DATA_PAGE_V2 = 3;

export interface PageHeader {
  readonly type: number;
  /** Bytes behind the header, and what they become. */
  readonly compressedBytes: number;
  readonly uncompressedBytes: number;
  readonly values: number;
  /** Number of `Encoding` of the values. */
  readonly encoding: number;
  /** Of a data page v2: bytes of the definition levels, which stand uncompressed in front, and of the repetition levels. Null for others. */
  readonly levels: { readonly definition: number; readonly repetition: number; readonly isCompressed: boolean } | null;
  /** Bytes of the header itself. */
  readonly headerBytes: number;
}

type Struct = ReadonlyMap<number, FieldValue>;
type FieldValue = number | boolean | null | Struct;

const TRUE = 1;
const FALSE = 2;
const BYTE = 3;
const I64 = 6;
const DOUBLE = 7;
const BINARY = 8;
const LIST = 9;
const SET = 10;
const STRUCT = 12;

class Reader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new RangeError("a page header ends too early");
    return byte;
  }

  /** Up to 53 bits. */
  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  struct(): Struct {
    const fields = new Map<number, FieldValue>();
    for (let id = 0; ; ) {
      const head = this.byte();
      if (head === 0) return fields;
      id = head >> 4 === 0 ? this.zigzag() : id + (head >> 4);
      fields.set(id, this.value(head & 15));
    }
  }

  /** Texts and collections are passed over: null. */
  private value(type: number): FieldValue {
    if (type === TRUE || type === FALSE) return type === TRUE;
    if (type === BYTE) return this.byte();
    if (type > BYTE && type <= I64) return this.zigzag();
    if (type === STRUCT) return this.struct();
    if (type === LIST || type === SET) this.list();
    else if (type === DOUBLE) this.skip(8);
    else if (type === BINARY) this.skip(this.varint());
    else throw new RangeError(`a page header has a field of type ${type}`);
    return null;
  }

  private skip(bytes: number): void {
    this.at += bytes;
  }

  private list(): void {
    const head = this.byte();
    const length = head >> 4 === 15 ? this.varint() : head >> 4;
    for (let i = 0; i < length; i++) {
      const type = head & 15;
      if (type === TRUE || type === FALSE) this.byte();
      else this.value(type);
    }
  }
}

const numberOf = (struct: Struct, field: number): number => {
  const value = struct.get(field);
  if (typeof value !== "number") throw new RangeError(`a page header has no field ${field}`);
  return value;
};

/** The header at byte `at`. @throws RangeError for what is none, and for pages of other types. */
export function pageHeader(bytes: Uint8Array, at: number): PageHeader {
  const reader = new Reader(bytes, at);
  const page = reader.struct();
  const type = numberOf(page, 1);
  const own = page.get(type === DATA_PAGE ? 5 : type === DICTIONARY_PAGE ? 7 : 8);
  if (!(own instanceof Map) || (type !== DATA_PAGE && type !== DICTIONARY_PAGE && type !== DATA_PAGE_V2))
    throw new RangeError(`a page of type ${type}`);
  const isV2 = type === DATA_PAGE_V2;
  return {
    type,
    compressedBytes: numberOf(page, 3),
    uncompressedBytes: numberOf(page, 2),
    values: numberOf(own, 1),
    encoding: numberOf(own, isV2 ? 4 : 2),
    levels: isV2 ? { definition: numberOf(own, 5), repetition: numberOf(own, 6), isCompressed: own.get(7) !== false } : null,
    headerBytes: reader.at - at,
  };
}

/** A page of a column chunk. */
export interface Page {
  readonly header: PageHeader;
  /** First byte behind the header, and the first one behind the page. */
  readonly from: number;
  readonly to: number;
  /** The number of its first row; of a dictionary 0. */
  readonly row: number;
}

/** The pages of a chunk in their order, until they hold its first `rows` rows. @throws RangeError for what is no page, also where the bytes end too early. */
export function* pagesOf(bytes: Uint8Array, rows: number): Generator<Page, void> {
  for (let at = 0, row = 0; row < rows; ) {
    const header = pageHeader(bytes, at);
    const from = at + header.headerBytes;
    const to = from + header.compressedBytes;
    if (header.compressedBytes < 0 || to > bytes.byteLength) throw new RangeError("a page ends behind its chunk");
    yield { header, from, to, row };
    at = to;
    if (header.type !== DICTIONARY_PAGE) row += header.values;
  }
}
