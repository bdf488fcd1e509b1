/** Finds single options, in what the user gave and in the environment, and says which it was. */

import { ConfigError } from "../errors.ts";
import { type Option, snakeCase } from "./options.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the value of an option came from; `environment NAME` names the variable. */
export type Origin = "option" | "default" | `environment ${string}`;

/** A value with its origin. */
export interface Found<T> {
  readonly value: T;
  readonly origin: Origin;
}

/** The entries of an options object. @throws ConfigError unless it is a plain object. */
export function optionEntries(value: unknown, name: string): ReadonlyMap<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ConfigError(`${name} must be an object of options`);
  return new Map(Object.entries(value).filter(([, given]: [string, unknown]) => given !== undefined));
}

/** Every accepted name of an option -> its own name. */
export function spellings(table: Readonly<Record<string, { readonly alias?: string }>>): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(table).flatMap(([name, { alias }]) =>
      [name, snakeCase(name), ...(alias === undefined ? [] : [alias, snakeCase(alias)])].map((spelling): [string, string] => [
        spelling,
        name,
      ]),
    ),
  );
}

/**
 * The given options by their own names.
 * @param prefix what stands before the names in messages.
 * @throws ConfigError for unknown names and for an option that is given twice.
 */
export function canonical(
  given: ReadonlyMap<string, unknown>,
  known: ReadonlyMap<string, string>,
  prefix: string,
): ReadonlyMap<string, unknown> {
  const values = new Map<string, unknown>();
  const spelledAs = new Map<string, string>();
  for (const [spelling, value] of given) {
    const name = known.get(spelling);
    if (name === undefined) {
      const accepted = [...new Set(known.values())].join(", ");
      throw new ConfigError(
        `Unknown option '${prefix}${spelling}': ${prefix === "" ? "GPUEngine" : prefix.slice(0, -1)} accepts ${accepted}`,
      );
    }
    const other = spelledAs.get(name);
    if (other !== undefined)
      throw new ConfigError(`Cannot specify both '${prefix}${other}' and '${prefix}${spelling}': they are the same option.`);
    spelledAs.set(name, spelling);
    values.set(name, value);
  }
  return values;
}

/** What the user gave for an option; null where nothing was. @throws ConfigError */
export function explicitly<T>(given: ReadonlyMap<string, unknown>, name: string, { kind }: Option<T>): Found<T> | null {
  return given.has(name) ? { value: kind.check(given.get(name), snakeCase(name)), origin: "option" } : null;
}

/** What the environment says for an option; null where it says nothing. @throws ConfigError, which names the variable. */
export function fromEnvironment<T>(env: Environment, name: string, { kind, environment }: Option<T>): Found<T> | null {
  const [variable, second] = environment.filter((v) => env[v] !== undefined);
  const text = variable === undefined ? undefined : env[variable];
  if (variable === undefined || text === undefined) return null;
  if (second !== undefined) throw new ConfigError(`Cannot specify both '${variable}' and '${second}': they are the same option.`);
  try {
    return { value: kind.check(kind.parse(text), snakeCase(name)), origin: `environment ${variable}` };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${error.message}\nThe environment has ${variable}='${text}'.`, { cause: error });
  }
}
