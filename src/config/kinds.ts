/** Kinds of option values: what an option accepts, how an environment variable spells it, and the errors for anything else. */

import { ConfigError } from "../errors.ts";

export interface Kind<T> {
  /** For the documentation. */
  readonly accepts: string;
  /** Reads the text of an environment variable; what cannot be read is passed on for `check` to refuse. */
  readonly parse: (text: string) => unknown;
  /** @param name the option in snake_case, for messages. @throws ConfigError */
  readonly check: (value: unknown, name: string) => T;
}

export const shown = (value: unknown): string =>
  typeof value === "string" ? `'${value}'` : Array.isArray(value) ? "an array" : String(value);

const quoted = (values: readonly string[]): string => values.map((v) => `'${v}'`).join(", ");

/** One of some words. */
export const choice = <const T extends string>(
  values: readonly T[],
  refusal = (value: unknown, name: string) => `${shown(value)} is not a valid ${name}: it accepts ${quoted(values)}`,
): Kind<T> => ({
  accepts: values.map((v) => `\`${v}\``).join(", "),
  parse: (text) => text,
  check: (value, name) => {
    const found = values.find((v) => v === value);
    if (found === undefined) throw new ConfigError(refusal(value, name));
    return found;
  },
});

const TRUE: ReadonlySet<string> = new Set(["1", "true", "yes", "y"]);
const FALSE: ReadonlySet<string> = new Set(["0", "false", "no", "n"]);

export const bool = (refusal = (name: string) => `${name} must be bool`): Kind<boolean> => ({
  accepts: "`true`, `false`",
  parse: (text) => {
    const lowered = text.toLowerCase();
    if (TRUE.has(lowered)) return true;
    if (FALSE.has(lowered)) return false;
    throw new ConfigError(`Invalid boolean value: '${text}'`);
  },
  check: (value, name) => {
    if (typeof value !== "boolean") throw new ConfigError(refusal(name));
    return value;
  },
});

const DIGITS = /^\s*[+-]?\d+(?:_\d+)*\s*$/;

/** An exact integer of at least `least`; the environment may group its digits by underscores. */
export const int = (least: number): Kind<number> => ({
  accepts: `an integer of at least ${least}`,
  parse: (text) => (DIGITS.test(text) ? Number(text.replaceAll("_", "")) : text),
  check: (value, name) => {
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw new ConfigError(`${name} must be an int`);
    if (value < least) throw new ConfigError(`${name} must be at least ${least}, not ${value}`);
    return value;
  },
});

/** A whole number of at least `least`, or null for none. */
export const optionalInt = (least: number): Kind<number | null> => ({
  accepts: `\`null\`, ${int(least).accepts}`,
  parse: (text) => (text.trim().toLowerCase() === "none" ? null : int(least).parse(text)),
  check: (value, name) => (value === null ? null : int(least).check(value, name)),
});

/** A number of 0 to 1, both included. */
export const fraction: Kind<number> = {
  accepts: "a number from 0 to 1",
  parse: (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text)),
  check: (value, name) => {
    if (typeof value !== "number" || Number.isNaN(value)) throw new ConfigError(`${name} must be a float`);
    if (value < 0 || value > 1) throw new ConfigError(`${name} must be from 0 to 1, not ${value}`);
    return value;
  },
};

/** Column names with numbers above 0 and up to 1. The result is a frozen copy. */
export const fractionsByColumn: Kind<Readonly<Record<string, number>>> = {
  accepts: "an object: column name to a number above 0 and up to 1",
  parse: (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  },
  check: (value, name) => {
    const wrong = `${name} must be a dict of column name to float`;
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ConfigError(wrong);
    const entries = Object.entries(value).map(([column, part]: [string, unknown]): [string, number] => {
      if (typeof part !== "number") throw new ConfigError(`${wrong}: '${column}' is ${shown(part)}`);
      if (!(part > 0 && part <= 1)) throw new ConfigError(`${name} must be above 0 and up to 1, not ${part} (column '${column}')`);
      return [column, part];
    });
    return Object.freeze(Object.fromEntries(entries));
  },
};

/** Any text but the empty one. */
export const text = (accepts: string): Kind<string> => ({
  accepts,
  parse: (given) => given,
  check: (value, name) => {
    if (typeof value !== "string" || value.trim() === "")
      throw new ConfigError(`${name} must be a string that is not empty: it accepts ${accepts}`);
    return value;
  },
});

/** Names; the environment separates them by commas. The result is a frozen copy. */
export const names: Kind<readonly string[]> = {
  accepts: "an array of names",
  parse: (given) =>
    given
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
  check: (value, name) => {
    const items: readonly unknown[] | null = Array.isArray(value) ? value : null;
    const found = items?.filter((item) => typeof item === "string" && item !== "");
    if (items === null || found?.length !== items.length) throw new ConfigError(`${name} must be an array of names`);
    return Object.freeze(items.map(String));
  },
};

const PERCENT = /^\s*(\d+(?:\.\d+)?)\s*%\s*$/;

const parsedBytes = (given: string): unknown => (DIGITS.test(given) ? Number(given.replaceAll("_", "")) : given);

function checkedBytes(value: unknown, name: string, total: () => number, least: number, none: string): number {
  const percent = typeof value === "string" ? PERCENT.exec(value)?.[1] : undefined;
  if (percent !== undefined) {
    if (!(Number(percent) > 0 && Number(percent) <= 100))
      throw new ConfigError(`${name} must be above 0% and up to 100%, not ${shown(value)}`);
    return Math.floor((total() * Number(percent)) / 100);
  }
  if (typeof value !== "number" || !Number.isSafeInteger(value))
    throw new ConfigError(`${name} must be an int of bytes, ${none}, or a percentage like '70%', not ${shown(value)}`);
  if (value < least) throw new ConfigError(`${name} must be at least ${least}, not ${value}`);
  return value;
}

/** Bytes, null for no limit, or a percentage of `total`. In the environment also `none`. */
export const bytes = (total: () => number): Kind<number | null> => ({
  accepts: '`null`, bytes, a percentage of the host\'s memory: `"70%"`',
  parse: (given) => (given.trim().toLowerCase() === "none" ? null : parsedBytes(given)),
  check: (value, name) => (value === null ? null : checkedBytes(value, name, total, 1, "null for no limit")),
});

/** Bytes, 0 for none, or a percentage of `total`. */
export const bytesFromZero = (total: () => number): Kind<number> => ({
  accepts: '`0`, bytes, a percentage of the host\'s memory: `"25%"`',
  parse: parsedBytes,
  check: (value, name) => checkedBytes(value, name, total, 0, "0 for none"),
});

/** A query of which the GPU and CPU polars gave different results; the query was answered by CPU polars. */
export interface ResultDifference {
  /** The first difference, in words. */
  readonly difference: string;
  /** The optimised plan, as `explain` prints it. */
  readonly plan: string;
}

/** How many queries are run on CPU polars as well, and who hears of differences. */
export interface Validation {
  /** Part of the queries, from 0 to 1. */
  readonly share: number;
  /** Null: they are warnings. */
  readonly onDifference: ((found: ResultDifference) => void) | null;
}

const isListener = (value: unknown): value is Validation["onDifference"] => typeof value === "function";

/** A share, or a share with a listener. */
export const validation: Kind<Validation> = {
  accepts: "a number from 0 to 1, `{ share, onDifference }`",
  parse: (text) => fraction.parse(text),
  check: (value, name) => {
    if (typeof value !== "object" || value === null) return Object.freeze({ share: fraction.check(value, name), onDifference: null });
    const entries = new Map<string, unknown>(Object.entries(value));
    const unknown = [...entries.keys()].find((key) => key !== "share" && key !== "onDifference");
    if (unknown !== undefined) throw new ConfigError(`${name} has no '${unknown}': it accepts share, onDifference`);
    const listener = entries.get("onDifference") ?? null;
    if (listener !== null && !isListener(listener)) throw new ConfigError(`${name}.onDifference must be a function`);
    return Object.freeze({ share: fraction.check(entries.get("share"), `${name}.share`), onDifference: listener });
  },
};

/** Who hears warnings. */
export type WarnFunction = (message: string) => void;

/** Ready-made listeners by name. */
export const SINKS = {
  console: (message) => console.warn(message),
  silent: () => {},
} as const satisfies Record<string, WarnFunction>;

const isWarnFunction = (value: unknown): value is WarnFunction => typeof value === "function";

export const warnings: Kind<WarnFunction> = {
  accepts: "`console`, `silent`, a function of the message",
  parse: (given) => given,
  check: (value, name) => {
    if (isWarnFunction(value)) return value;
    if (value !== "console" && value !== "silent")
      throw new ConfigError(`${name} must be 'console', 'silent' or a function, not ${shown(value)}`);
    return SINKS[value];
  },
};
