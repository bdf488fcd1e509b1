/** Dictionaries of code columns: entries as a polars Series; questions about them are polars expressions over the entries. */

import { availableParallelism } from "node:os";
import { InternalError } from "../errors.ts";
import type { Column } from "../gpu/column.ts";
import type { Device } from "../gpu/device.ts";
import type { Dictionaries, Dictionary, Unified } from "../gpu/dictionary.ts";
import type { DType } from "../ir/dtype.ts";
import { LOOKUP_COLUMN } from "../ir/expr.ts";
import { describeDType } from "../ir/schema.ts";
import { exprFromDsl } from "../polars/composing.ts";
import type { DslExpr } from "../polars/dsl.ts";
import { castDsl } from "../polars/dtypes.ts";
import type { NativeDataFrame, NativePolars } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";
import type { RecentlyUsed } from "../polars/recently-used.ts";
import { slicesOf } from "./column-fill.ts";
import { distinctTexts } from "./distinct-texts.ts";
import { functionOf, HostDictionary, type Lookups, parsedExpr, rename, select, VALUE } from "./host-dictionary.ts";
import { importColumn } from "./import.ts";
import { listDictionary } from "./list-dictionary.ts";

const hostOf = (dictionary: Dictionary): HostDictionary => {
  if (!(dictionary instanceof HostDictionary)) throw new InternalError("a dictionary of another make");
  return dictionary;
};

const scalar = (value: string | null): DslExpr => ({ Literal: { Scalar: value === null ? { Null: "Null" } : { String: value } } });
const int = (value: number): DslExpr => ({ Literal: { Scalar: { Int64: value } } });

/** The column of codes. */
const CODE = "code";

/** Values with their codes, in the column CODE, and what those mean. */
interface Coded {
  readonly codes: NativeDataFrame;
  readonly dictionary: Dictionary;
}

/** Rows from which on it is worth computing an expression with one more thread. */
const ROWS_OF_SLICE = 1 << 16;

/** What stands for the elements among the answers about a dictionary: no expression is an empty text. */
const ELEMENTS = "";

/** The dictionaries service of one query: what it hands out lives until `close`, answers about resident dictionaries are kept for the next query. */
export class PolarsDictionaries implements Dictionaries {
  readonly #native: NativePolars;
  readonly #device: Device;
  readonly #literals = new Map<string, HostDictionary>();
  readonly #unified = new WeakMap<Dictionary, Map<string, Promise<Unified>>>();
  /** Lookup tables on the device, by what they answer. */
  readonly #tables = new WeakMap<HostDictionary, Map<string, Promise<Column>>>();
  readonly #owned: Promise<Column>[] = [];
  #row: NativeDataFrame | null = null;

  constructor(native: NativePolars, device: Device) {
    this.#native = native;
    this.#device = device;
  }

  /** A frame of one row, to evaluate constants on. */
  get #oneRow(): NativeDataFrame {
    const { JsDataFrame, JsSeries } = this.#native;
    this.#row ??= quietly(() => new JsDataFrame([JsSeries.newUint32Array("seed", new Uint32Array(1))]));
    return this.#row;
  }

  /** Gives all lookup tables back. */
  async close(): Promise<void> {
    for (const table of await Promise.allSettled(this.#owned.splice(0))) {
      if (table.status === "fulfilled") table.value.buffer.release();
    }
  }

  literal(value: string | null, dtype: DType): Dictionary {
    const key = `${describeDType(dtype)}:${JSON.stringify(value)}`;
    let known = this.#literals.get(key);
    if (known === undefined) {
      const expr = rename(castDsl(scalar(value), dtype), LOOKUP_COLUMN);
      const frame = quietly(() =>
        this.#oneRow
          .lazy()
          .select([exprFromDsl(this.#native, expr)])
          .collectSync("auto"),
      );
      known = new HostDictionary(frame, dtype, "sorted");
      this.#literals.set(key, known);
    }
    return known;
  }

  lists(values: Column, lengths: Uint32Array, dtype: DType, slice: readonly [number, number] | null): Promise<Dictionary> {
    return listDictionary(this.#native, this.#device, values, lengths, dtype, slice);
  }

  evaluate(dictionary: Dictionary, dsl: string, dtype: DType): Promise<Column> {
    const host = hostOf(dictionary);
    return this.#table(host, dsl, async () => {
      const withNull = await this.#withNull(host);
      const result = await this.#inSlices(withNull, rename(castDsl(parsedExpr(dsl), dtype), LOOKUP_COLUMN));
      if (result.height !== host.size + 1)
        throw new InternalError(`a lookup gave ${result.height} rows for ${host.size + 1} entries: ${dsl}`);
      return importColumn(this.#native, this.#device, result, LOOKUP_COLUMN, dtype);
    });
  }

  /** An elementwise expression, which CPU polars computes with one thread: over slices of many rows beside one another. */
  async #inSlices(values: NativeDataFrame, expr: DslExpr): Promise<NativeDataFrame> {
    const rows = Math.max(ROWS_OF_SLICE, Math.ceil(values.height / availableParallelism()));
    const slices = slicesOf(values.height, rows).map(({ offset, length }) => quietly(() => values.slice(offset, length)));
    const results = await Promise.all(slices.map((slice) => select(this.#native, slice, [expr])));
    return quietly(() => results.reduce((a, b) => a.vstack(b)));
  }

  elements(dictionary: Dictionary, dtype: DType): Promise<Column> {
    const host = hostOf(dictionary);
    return this.#table(host, ELEMENTS, async () => {
      const all: DslExpr = { Explode: { input: VALUE, options: { empty_as_null: false, keep_nulls: false } } };
      const result = await select(this.#native, host.frame, [rename(castDsl(all, dtype), LOOKUP_COLUMN)]);
      return importColumn(this.#native, this.#device, result, LOOKUP_COLUMN, dtype);
    });
  }

  #table(host: HostDictionary, key: string, make: () => Promise<Column>): Promise<Column> {
    const tables = this.#tables.get(host) ?? new Map<string, Promise<Column>>();
    this.#tables.set(host, tables);
    let table = tables.get(key);
    if (table === undefined) {
      const { lookups } = host;
      table = lookups === null ? make() : this.#shared(lookups, lookups.tables, key, make, (made) => [made]).then(retained);
      tables.set(key, table);
      this.#owned.push(table);
      table.catch(() => tables.delete(key));
    }
    return table;
  }

  /** An answer that outlives the query; a failure is not kept. */
  #shared<T>(
    lookups: Lookups,
    answers: RecentlyUsed<string, Promise<T>>,
    key: string,
    make: () => Promise<T>,
    tablesOf: (made: T) => readonly (Column | null)[],
  ): Promise<T> {
    let answer = answers.get(key);
    if (answer === undefined) {
      answer = this.#device
        .outsideScope(() => this.#device.scope(make))
        .then((made) => {
          lookups.count(tablesOf(made));
          return made;
        });
      answers.set(key, answer);
      answer.catch(() => answers.delete(key));
    }
    return answer;
  }

  /** The entries and, last, a null. */
  async #withNull(host: HostDictionary): Promise<NativeDataFrame> {
    const rows = await select(this.#native, this.#oneRow, [rename(castDsl(scalar(null), { kind: "UInt32" }), "row")]);
    return quietly(() => {
      const none = host.entries.takeWithSeries(rows.column("row"));
      none.rename(LOOKUP_COLUMN);
      return host.frame.vstack(new this.#native.JsDataFrame([none]));
    });
  }

  isUnified(dictionary: Dictionary, need: "unique" | "sorted"): boolean {
    if (need === "unique" ? dictionary.unique : dictionary.sorted) return true;
    const key = unifiedKey([dictionary], need);
    return this.#unified.get(dictionary)?.has(key) === true || hostOf(dictionary).lookups?.unified.get(key) !== undefined;
  }

  unify(dictionaries: readonly Dictionary[], need: "unique" | "sorted"): Promise<Unified> {
    const [only] = dictionaries;
    if (only === undefined) throw new InternalError("no dictionaries to unify");
    if (dictionaries.length === 1 && (need === "unique" ? only.unique : only.sorted))
      return Promise.resolve({ dictionary: only, tables: [null] });
    const key = unifiedKey(dictionaries, need);
    const known = this.#unified.get(only) ?? new Map<string, Promise<Unified>>();
    this.#unified.set(only, known);
    let unified = known.get(key);
    if (unified === undefined) {
      unified = this.#unifyOnce(dictionaries.map(hostOf), need, key);
      known.set(key, unified);
      unified.catch(() => known.delete(key));
    }
    return unified;
  }

  async #unifyOnce(hosts: readonly HostDictionary[], need: "unique" | "sorted", key: string): Promise<Unified> {
    const lookups = hosts.every((h) => h.lookups !== null) ? (hosts[0]?.lookups ?? null) : null;
    if (lookups === null) return this.#own(await this.#unify(hosts, need));
    const unify = async (): Promise<Unified> => {
      const made = await this.#unify(hosts, need);
      hostOf(made.dictionary).lookups = lookups.nested();
      return made;
    };
    const shared = await this.#shared(lookups, lookups.unified, key, unify, ({ tables }) => tables);
    for (const table of shared.tables) table?.buffer.retain();
    return this.#own(shared);
  }

  /** The query gives the tables back when it closes. */
  #own(unified: Unified): Unified {
    for (const table of unified.tables) if (table !== null) this.#owned.push(Promise.resolve(table));
    return unified;
  }

  /** Equal values get equal codes. */
  async #unify(hosts: readonly HostDictionary[], need: "unique" | "sorted"): Promise<Unified> {
    const [first] = hosts;
    if (first === undefined) throw new InternalError("no dictionaries to unify");
    const parts: NativeDataFrame[] = [];
    for (const host of hosts) parts.push(await this.#withNull(host));
    const all = quietly(() => parts.reduce((a, b) => a.vstack(b)));
    const { codes, dictionary } = await (need === "unique" && first.dtype.kind === "String"
      ? this.#hashed(all)
      : this.#ranked(all, first.dtype));
    const tables: Column[] = [];
    let from = 0;
    for (const host of hosts) {
      const rows = quietly(() => codes.slice(from, host.size + 1));
      from += host.size + 1;
      const table = await importColumn(this.#native, this.#device, rows, CODE, { kind: "UInt32" });
      tables.push({ ...table, dtype: first.dtype, dictionary });
    }
    return { dictionary, tables };
  }

  /** Texts in any order: far faster than sorting them. */
  async #hashed(texts: NativeDataFrame): Promise<Coded> {
    const [code, dictionary] = await distinctTexts(this.#native, texts, VALUE);
    const codes = await select(this.#native, texts, [rename(code, CODE)]);
    return { codes, dictionary: await dictionary() };
  }

  /** Dense ranks: codes ascend with the values. */
  async #ranked(values: NativeDataFrame, dtype: DType): Promise<Coded> {
    const rank: DslExpr = functionOf({ Rank: { options: { method: "Dense", descending: false }, seed: null } }, VALUE);
    const code = castDsl({ BinaryExpr: { left: castDsl(rank, { kind: "Int64" }), op: "Minus", right: int(1) } }, { kind: "UInt32" });
    const codes = await select(this.#native, values, [VALUE, rename(code, CODE)]);
    const firsts: DslExpr = functionOf("ArgUnique", { Column: CODE });
    const at = (name: string): DslExpr => ({ Gather: { expr: { Column: name }, idx: firsts, returns_scalar: false, null_on_oob: false } });
    const kept = await select(this.#native, codes, [rename(at(LOOKUP_COLUMN), LOOKUP_COLUMN), rename(at(CODE), CODE)]);
    const order = { descending: [false], nulls_last: [false], multithreaded: true, maintain_order: false, limit: null };
    const entries = await quietly(() =>
      kept
        .lazy()
        .filter(exprFromDsl(this.#native, functionOf({ Boolean: "IsNotNull" }, { Column: CODE })))
        .select([exprFromDsl(this.#native, { SortBy: { expr: VALUE, by: [{ Column: CODE }], sort_options: order } })])
        .collect(),
    );
    return { codes, dictionary: new HostDictionary(entries, dtype, "sorted") };
  }
}

const retained = (column: Column): Column => {
  column.buffer.retain();
  return column;
};

let nextIdentity = 0;
const identities = new WeakMap<Dictionary, number>();
const unifiedKey = (dictionaries: readonly Dictionary[], need: "unique" | "sorted"): string =>
  `${need}:${dictionaries.map(identity).join(",")}`;

const identity = (dictionary: Dictionary): number => {
  const known = identities.get(dictionary) ?? nextIdentity++;
  identities.set(dictionary, known);
  return known;
};
