/** Exact reading and writing of DSL JSON: integers beyond 2^53, -0, column order and binary payloads survive both ways. */
import { type DslObject, type DslValue, isList, isObject } from "./dsl.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;

/** Keys whose list of numbers is a run of bytes. */
const BYTE_KEYS: ReadonlySet<string> = new Set(["df", "Series", "List", "Binary"]);
/** The key whose object maps column names, in column order. */
const FIELDS = "fields";

/**
 * Reads JSON as serde writes it (no white space). Throws SyntaxError on anything else.
 * Floats that JSON cannot carry arrive as null: `withNonFinite` restores them.
 */
export function parseDsl(text: string): DslValue {
  return new DslReader(text).whole();
}

class DslReader {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  whole(): DslValue {
    const value = this.value("");
    if (this.at !== this.text.length) throw this.unexpected();
    return value;
  }

  private value(key: string): DslValue {
    const c = this.text.charCodeAt(this.at);
    if (c === OPEN_OBJECT) return key === FIELDS ? this.fields() : this.object();
    if (c === OPEN_LIST) return BYTE_KEYS.has(key) && this.startsBytes() ? this.bytes() : this.list();
    if (c === QUOTE) return this.string();
    if (c === MINUS || (c >= 0x30 && c <= 0x39)) return this.number();
    if (this.take("null")) return null;
    if (this.take("true")) return true;
    if (this.take("false")) return false;
    throw this.unexpected();
  }

  private object(): DslObject {
    const result: { [key: string]: DslValue } = {};
    this.entries((key) => {
      const value = this.value(key);
      if (key === "__proto__") Object.defineProperty(result, key, { value, enumerable: true });
      else result[key] = value;
    });
    return result;
  }

  private fields(): readonly DslValue[] {
    const result: DslValue[] = [];
    this.entries((key) => result.push([key, this.value("")]));
    return result;
  }

  private entries(entry: (key: string) => void): void {
    this.at++;
    if (this.text.charCodeAt(this.at) === CLOSE_OBJECT) {
      this.at++;
      return;
    }
    for (;;) {
      const key = this.string();
      if (this.text.charCodeAt(this.at) !== COLON) throw this.unexpected();
      this.at++;
      entry(key);
      const c = this.text.charCodeAt(this.at++);
      if (c === CLOSE_OBJECT) return;
      if (c !== COMMA) throw this.unexpected(-1);
    }
  }

  private list(): readonly DslValue[] {
    const result: DslValue[] = [];
    this.at++;
    if (this.text.charCodeAt(this.at) === CLOSE_LIST) {
      this.at++;
      return result;
    }
    for (;;) {
      result.push(this.value(""));
      const c = this.text.charCodeAt(this.at++);
      if (c === CLOSE_LIST) return result;
      if (c !== COMMA) throw this.unexpected(-1);
    }
  }

  private startsBytes(): boolean {
    const c = this.text.charCodeAt(this.at + 1);
    return c === CLOSE_LIST || (c >= 0x30 && c <= 0x39);
  }

  private bytes(): Uint8Array {
    const { text } = this;
    const end = text.indexOf("]", this.at);
    if (end < 0) throw this.unexpected();
    let count = end > this.at + 1 ? 1 : 0;
    for (let i = this.at + 1; i < end; i++) if (text.charCodeAt(i) === COMMA) count++;
    const result = new Uint8Array(count);
    let byte = 0;
    let k = 0;
    for (let i = this.at + 1; i < end; i++) {
      const c = text.charCodeAt(i);
      if (c === COMMA) {
        result[k++] = byte;
        byte = 0;
      } else byte = byte * 10 + c - 0x30;
    }
    if (count > 0) result[k] = byte;
    this.at = end + 1;
    return result;
  }

  private string(): string {
    if (this.text.charCodeAt(this.at) !== QUOTE) throw this.unexpected();
    const start = this.at + 1;
    let escaped = false;
    for (let i = start; i < this.text.length; i++) {
      const c = this.text.charCodeAt(i);
      if (c === QUOTE) {
        this.at = i + 1;
        return escaped ? JSON.parse(this.text.slice(start - 1, i + 1)) : this.text.slice(start, i);
      }
      if (c === BACKSLASH) {
        escaped = true;
        i++;
      }
    }
    throw this.unexpected();
  }

  private number(): number | bigint {
    const start = this.at;
    let whole = true;
    for (; this.at < this.text.length; this.at++) {
      const c = this.text.charCodeAt(this.at);
      if (c >= 0x30 && c <= 0x39) continue;
      if (c === MINUS && this.at === start) continue;
      if (c === 0x2e || c === 0x65 || c === 0x45 || c === 0x2b || c === MINUS) whole = false;
      else break;
    }
    const digits = this.text.slice(start, this.at);
    const value = Number(digits);
    if (Number.isNaN(value)) throw this.unexpected();
    return whole && !Number.isSafeInteger(value) ? BigInt(digits) : value;
  }

  private take(word: string): boolean {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  private unexpected(shift = 0): SyntaxError {
    return new SyntaxError(`unexpected text in a polars plan at ${this.at + shift}`);
  }
}

/** Keys under which polars keeps a float; JSON writes their NaN and infinities as null. */
const FLOAT_NULL = /"(?:Float|Float16|Float32|Float64|alpha|base|prob|half_life|span|com|quantile|weights)":\[?(?:[^\]"{]*,)?null/;

/** Whether the text may have lost a float: only then is `withNonFinite` needed. */
export function mayHideNonFinite(text: string): boolean {
  return FLOAT_NULL.test(text);
}

/**
 * Puts back NaN, Infinity and -Infinity, which JSON shows as null. `js` is what the native `toJs()` returns: it keeps such numbers, but
 * drops the tags of variants with a payload; both are walked in step.
 */
export function withNonFinite(value: DslValue, js: unknown): DslValue {
  if (typeof js === "number" && value === null) return js;
  if (value instanceof Uint8Array || typeof value !== "object" || value === null || typeof js !== "object" || js === null) return value;
  if (Array.isArray(value)) return value.map((item: DslValue, i) => withNonFinite(item, entryOf(js, i)));
  if (!isObject(value)) return value;
  const keys = Object.keys(value);
  const only = keys[0];
  if (keys.length === 1 && only !== undefined && !(!Array.isArray(js) && Object.hasOwn(js, only)))
    return { [only]: withNonFinite(value[only] ?? null, js) };
  return Object.fromEntries(
    keys.map((key) => [key, key === FIELDS ? (value[key] ?? null) : withNonFinite(value[key] ?? null, entryOf(js, key))]),
  );
}

function entryOf(holder: object, key: string | number): unknown {
  return Reflect.get(holder, key);
}

/** Bare JSON text of a value, as serde reads it. Floats keep -0; a NaN or infinity cannot be written: see `exprFromDsl`. */
export function dslText(value: DslValue): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return numberText(value);
  if (value instanceof Uint8Array) return `[${value.join(",")}]`;
  if (isObject(value)) {
    const entries = Object.entries(value).map(
      ([key, item]) => `${JSON.stringify(key)}:${key === FIELDS ? fieldsText(item) : dslText(item)}`,
    );
    return `{${entries.join(",")}}`;
  }
  return `[${value.map(dslText).join(",")}]`;
}

/** serde reads `1` as a float where a float is due, so whole floats need no point; -0 does. */
function numberText(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  return Number.isFinite(value) ? String(value) : "null";
}

function fieldsText(fields: DslValue): string {
  if (!Array.isArray(fields)) return dslText(fields);
  return `{${fields.map((field: DslValue) => pairText(field)).join(",")}}`;
}

function pairText(field: DslValue): string {
  if (!Array.isArray(field) || typeof field[0] !== "string") throw new TypeError("a schema field is a pair of name and dtype");
  return `${JSON.stringify(field[0])}:${dslText(field[1] ?? null)}`;
}

/** Stands before the name of a float that JSON cannot hold; no column or text of a user starts so. */
const NON_FINITE = "\u0001float ";

/** Text that holds any value exactly, NaN and infinities too: for keys, and for plans that are kept as text. `parseExact` reads it. */
export const exactText = (value: DslValue): string => dslText(mapNumbers(value));

function mapNumbers(value: DslValue): DslValue {
  if (typeof value === "number") return Number.isFinite(value) ? value : `${NON_FINITE}${value}`;
  if (isList(value)) return value.map(mapNumbers);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapNumbers(item)])) : value;
}

/** The value that `exactText` wrote. */
export function parseExact(text: string): DslValue {
  const value = parseDsl(text);
  return text.includes("\\u0001float ") ? withNumbers(value) : value;
}

function withNumbers(value: DslValue): DslValue {
  if (typeof value === "string") return value.startsWith(NON_FINITE) ? Number(value.slice(NON_FINITE.length)) : value;
  if (isList(value)) return value.map(withNumbers);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withNumbers(item)])) : value;
}
