/**
 * What a compilation asks about its batch and the dictionaries, recorded: where the answers are alike another time, so is the program's text,
 * and the recording gives its columns and arguments.
 */

import { InternalError } from "../../errors.ts";
import type { DType } from "../../ir/dtype.ts";
import { sameDType } from "../../ir/schema.ts";
import type { Column } from "../column.ts";
import type { Dictionaries, Dictionary } from "../dictionary.ts";

/** For one output: the table that brings the codes of a dictionary to another one. */
export type Recoding = ReadonlyMap<Dictionary, { readonly dictionary: Dictionary; readonly table: Column | null }>;

/** Number of a column or a dictionary among those that a compilation met, each once. Columns are bound in this order. */
export type Place = number;

/** In place of a column: there is none. */
export const NO_COLUMN: Place = -1;

/** What one compilation is about, and what it met so far. */
export class Inputs {
  readonly columns: Column[] = [];
  readonly dictionaries: Dictionary[] = [];
  readonly rows: number;
  readonly batch: ReadonlyMap<string, Column>;
  readonly service: Dictionaries;
  readonly recodings: readonly (Recoding | null)[];

  constructor(batch: ReadonlyMap<string, Column>, rows: number, service: Dictionaries, recodings: readonly (Recoding | null)[]) {
    this.batch = batch;
    this.rows = rows;
    this.service = service;
    this.recodings = recodings;
  }

  column(place: Place): Column {
    const column = this.columns[place];
    if (column === undefined) throw new InternalError(`a compilation that met ${this.columns.length} columns asks for column ${place}`);
    return column;
  }

  dictionary(place: Place): Dictionary {
    const dictionary = this.dictionaries[place];
    if (dictionary === undefined)
      throw new InternalError(`a compilation that met ${this.dictionaries.length} dictionaries asks for dictionary ${place}`);
    return dictionary;
  }

  placeOf(column: Column): Place {
    if (column.dictionary !== null) this.placeOfDictionary(column.dictionary);
    return placeIn(this.columns, column);
  }

  placeOfDictionary(dictionary: Dictionary): Place {
    return placeIn(this.dictionaries, dictionary);
  }

  placeOfTable(table: Column | null): Place {
    return table === null ? NO_COLUMN : this.placeOf(table);
  }
}

function placeIn<T>(met: T[], one: T): Place {
  const known = met.indexOf(one);
  return known >= 0 ? known : met.push(one) - 1;
}

export type Answer = Place | readonly Place[];

/** Depends on nothing but the inputs and what answers before it said; holds on to nothing, as it outlives the inputs that it was first asked of. */
export type Question<T extends Answer> = (inputs: Inputs) => T | Promise<T>;

/** A column of the batch. */
export const columnNamed =
  (name: string): Question<Place> =>
  (inputs) => {
    const column = inputs.batch.get(name);
    if (column === undefined)
      throw new InternalError(`column ${JSON.stringify(name)} is not in the batch: ${[...inputs.batch.keys()].join(", ")}`);
    return inputs.placeOf(column);
  };

/** The dictionary of a literal. */
export const literalDictionary =
  (value: string | null, dtype: DType): Question<Place> =>
  (inputs) =>
    inputs.placeOfDictionary(inputs.service.literal(value, dtype));

/** The table of an expression's answers about a dictionary. */
export const evaluated =
  (dictionary: Place, dsl: string, dtype: DType): Question<Place> =>
  async (inputs) =>
    inputs.placeOf(await inputs.service.evaluate(inputs.dictionary(dictionary), dsl, dtype));

/** The dictionary that covers those, then the table of new codes of each. */
export const unified =
  (dictionaries: readonly Place[], need: "unique" | "sorted"): Question<readonly Place[]> =>
  async (inputs) => {
    const asked = dictionaries.map((place) => inputs.dictionary(place));
    const { dictionary, tables } = await inputs.service.unify(asked, need);
    return [inputs.placeOfDictionary(dictionary), ...asked.map((_, k) => inputs.placeOfTable(tables[k] ?? null))];
  };

/** The dictionary that codes of an output are brought to, and the table of new codes; empty: they stay as they are. */
export const recodedOutput =
  (output: number, dictionary: Place): Question<readonly Place[]> =>
  (inputs) => {
    const target = inputs.recodings[output]?.get(inputs.dictionary(dictionary));
    return target === undefined ? [] : [inputs.placeOfDictionary(target.dictionary), inputs.placeOfTable(target.table)];
  };

/** What of a column decides a text. */
interface ColumnForm {
  readonly dtype: DType;
  readonly nullable: boolean;
  readonly dictionary: Place | null;
}

const formOf = (column: Column, inputs: Inputs): ColumnForm => ({
  dtype: column.dtype,
  nullable: column.validityOffset !== null,
  dictionary: column.dictionary === null ? null : inputs.placeOfDictionary(column.dictionary),
});

/** The questions of one compilation in their order, and their answers. */
export class Recording {
  readonly #steps: { readonly question: Question<Answer>; readonly answer: Answer }[] = [];
  readonly #columns: ColumnForm[] = [];

  async ask<T extends Answer>(inputs: Inputs, question: Question<T>): Promise<T> {
    const answer = await question(inputs);
    this.#steps.push({ question, answer });
    for (let place = this.#columns.length; place < inputs.columns.length; place++) this.#columns.push(formOf(inputs.column(place), inputs));
    return answer;
  }

  /** Asks the same about other inputs, until an answer is another one: whether there was none. */
  async isOf(inputs: Inputs): Promise<boolean> {
    let met = 0;
    for (const { question, answer } of this.#steps) {
      const asked = question(inputs);
      const given = asked instanceof Promise ? await asked : asked;
      if (!sameAnswer(given, answer)) return false;
      for (; met < inputs.columns.length; met++) if (!this.#isColumn(met, inputs)) return false;
    }
    return true;
  }

  #isColumn(place: Place, inputs: Inputs): boolean {
    const known = this.#columns[place];
    const { dtype, nullable, dictionary } = formOf(inputs.column(place), inputs);
    return known !== undefined && known.nullable === nullable && known.dictionary === dictionary && sameDType(known.dtype, dtype);
  }
}

const sameAnswer = (a: Answer, b: Answer): boolean =>
  typeof a === "number" || typeof b === "number" ? a === b : a.length === b.length && a.every((place, k) => place === b[k]);
