/** Random expressions that the engine says it supports, over the columns of a plan. */

import type { Random } from "./random.ts";
import { noiseLeft, scaleOf } from "./scales.ts";
import { type ExprTree, type Field, hasOrder, type Kind } from "./tree.ts";

/** Where an expression stands. */
export interface ExprScope {
  readonly fields: readonly Field[];
  /** Whether first and last mean something: the rows have an order. */
  readonly ordered: boolean;
  /** `rows`: one value for each row; `groups`: columns only inside aggregates. */
  readonly place: "rows" | "groups";
  readonly windows: boolean;
}

const tree = (kind: Kind, args: readonly ExprTree[], text: ExprTree["text"], more: Partial<ExprTree> = {}): ExprTree => ({
  kind,
  args,
  text,
  noise: args.find((a) => a.noise !== null)?.noise ?? null,
  scale: null,
  scalar: args.length > 0 && args.every((a) => a.scalar),
  needsOrder: false,
  ...more,
});

const part = (args: readonly string[], i: number): string => args[i] ?? "";
const exact = (fields: readonly Field[]): readonly Field[] => fields.filter((f) => f.noise === null);

const columnOf = (field: Field): ExprTree => tree(field.kind, [], () => `pl.col(${JSON.stringify(field.name)})`, { noise: field.noise });

const constant = (kind: Kind, text: string, redraw: (random: Random) => ExprTree): ExprTree =>
  tree(kind, [], () => text, { redraw, scalar: true });

/** A JavaScript number, which polars takes for a Float64. */
const floatLiteral = (random: Random): ExprTree =>
  constant("float", `pl.lit(${random.pick([0, 1, 2, -1, 3.5, 0.25, 7, -100, 1000.5])})`, floatLiteral);
const powerOfTwo = (random: Random): ExprTree => constant("float", `pl.lit(${random.pick([2, 4, 0.5, -2, 8])})`, powerOfTwo);
const intLiteral = (random: Random): ExprTree =>
  constant("int", `pl.lit(${random.pick([0, 1, 2, 5, -3, 100])}).cast(pl.Int64)`, intLiteral);
const WORDS = ["", "a", "ab", "ä", "Zebra", "m", "12"];
const stringLiteral = (random: Random): ExprTree => constant("str", `pl.lit(${JSON.stringify(random.pick(WORDS))})`, stringLiteral);
const boolLiteral = (random: Random): ExprTree => constant("bool", `pl.lit(${random.chance(0.5)})`, boolLiteral);

export function literal(random: Random, kind: Kind): ExprTree | null {
  if (kind === "int") return intLiteral(random);
  if (kind === "float") return floatLiteral(random);
  if (kind === "str") return stringLiteral(random);
  if (kind === "bool") return boolLiteral(random);
  return null;
}

const COMPARISONS = ["eq", "neq", "lt", "ltEq", "gt", "gtEq"];
const DATE_PARTS = ["year", "month", "day", "week", "weekday", "ordinalDay"];
const TIME_PARTS = ["hour", "minute", "second"];
const INT_DTYPES = ["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"];

/** An aggregate of exact columns: `sum`, `mean`, `std` and `var` leave noise. */
export function aggregate(random: Random, scope: ExprScope, depth: number): ExprTree | null {
  const rows: ExprScope = { ...scope, place: "rows", windows: false };
  const fields = exact(scope.fields);
  if (fields.length === 0) return tree("int", [], () => "pl.len()", { scalar: true });
  const field = random.pick(fields);
  const computed = random.chance(0.3) && depth > 0 ? expression(random, rows, field.kind, depth - 1) : null;
  const value = computed === null || computed.scalar ? columnOf(field) : computed;
  const of = (method: string, kind: Kind, more: Partial<ExprTree> = {}, args: readonly ExprTree[] = [value]): ExprTree =>
    tree(kind, args, (a) => `${part(a, 0)}.${method}`, { scalar: true, ...more });
  const choices: (() => ExprTree | null)[] = [
    () => tree("int", [], () => "pl.len()", { scalar: true }),
    () => of("count()", "int"),
    () => of("nUnique()", "int"),
    () => of("nullCount()", "int"),
  ];
  if (scope.ordered) {
    choices.push(() => of("first()", value.kind, { needsOrder: true }));
    choices.push(() => of("last()", value.kind, { needsOrder: true }));
    choices.push(() => of("dropNulls().first()", value.kind, { needsOrder: true }));
    choices.push(() => {
      const by = boolean(random, rows, depth - 1);
      const end = random.pick(["first", "last"]);
      return tree(value.kind, [value, by], (a) => `${part(a, 0)}.filter(${part(a, 1)}).${end}()`, {
        scalar: true,
        needsOrder: true,
      });
    });
    // Where polars knows that a column is sorted, it gives 0 instead of null for groups of nulls.
    if (value.kind === "int")
      choices.push(() => of(random.pick(["fillNull(0).argMin()", "fillNull(0).argMax()"]), "int", { needsOrder: true }));
  }
  if (hasOrder(value.kind) && !value.kind.startsWith("decimal")) {
    choices.push(() => of("min()", value.kind));
    choices.push(() => of("max()", value.kind));
  }
  if (value.kind === "int" || value.kind === "float") {
    const inexact = (method: string, kind: Kind, of: ExprTree): ExprTree => {
      const scale = scaleOf(method, of.kind);
      const more = { noise: noiseLeft(method, of.kind), scale: scale === null ? null : (a: readonly string[]) => scale(part(a, 0)) };
      return tree(kind, [of], (a) => `${part(a, 0)}.${method}()`, { scalar: true, ...more });
    };
    for (let i = 0; i < 2; i++) choices.push(() => inexact("sum", value.kind, value));
    // Which of -0 and 0 is in the middle depends on the order of the rows.
    const needsOrder = value.kind === "float";
    choices.push(() => of("median()", "float", { needsOrder }));
    choices.push(() => {
      const method = random.pick(["nearest", "lower", "higher", "midpoint", "linear"]);
      return of(`quantile(${random.pick([0, 0.1, 0.5, 0.77, 1])}, ${JSON.stringify(method)})`, "float", { needsOrder });
    });
    for (const method of ["mean", "var", "std"]) choices.push(() => inexact(method, "float", value));
    choices.push(() => {
      const by = boolean(random, rows, depth - 1);
      return inexact(
        "sum",
        value.kind,
        tree(value.kind, [value, by], (a) => `${part(a, 0)}.filter(${part(a, 1)})`),
      );
    });
  }
  if (value.kind === "bool")
    choices.push(
      () => of("sum()", "int"),
      () => of("any()", "bool"),
      () => of("all()", "bool"),
    );
  return random.pick(choices)();
}

function boolean(random: Random, scope: ExprScope, depth: number): ExprTree {
  return expression(random, scope, "bool", Math.max(0, depth)) ?? boolLiteral(random);
}

/** An expression of the kind; null where the scope has nothing to make it from. */
export function expression(random: Random, scope: ExprScope, kind: Kind, depth: number): ExprTree | null {
  if (scope.place === "groups") return overAggregates(random, scope, kind, depth);
  const own = exact(scope.fields).filter((f) => f.kind === kind);
  const leaf = (): ExprTree | null => (own.length > 0 && random.chance(0.85) ? columnOf(random.pick(own)) : literal(random, kind));
  if (depth <= 0) return leaf() ?? (own.length > 0 ? columnOf(random.pick(own)) : null);
  const sub = (k: Kind): ExprTree | null => expression(random, scope, k, depth - 1);
  for (let attempt = 0; attempt < 4; attempt++) {
    const made = random.pick(makers(random, scope, kind, sub))();
    if (made !== null) return made;
  }
  return leaf();
}

/** An aggregate, or arithmetic of two. */
function overAggregates(random: Random, scope: ExprScope, kind: Kind, depth: number): ExprTree | null {
  const first = aggregate(random, scope, depth);
  if (first === null || depth <= 0 || first.noise !== null || (first.kind !== "int" && first.kind !== "float") || random.chance(0.6))
    return first;
  const second = random.chance(0.5) ? floatLiteral(random) : aggregate(random, scope, depth - 1);
  if (second === null || second.noise !== null || (second.kind !== "int" && second.kind !== "float")) return first;
  const method = random.pick(["plus", "minus().abs", "mul"]);
  return kind === "bool"
    ? tree("bool", [first, second], (a) => `${part(a, 0)}.gt(${part(a, 1)})`)
    : tree("float", [first, second], (a) => applied(method, part(a, 0), part(a, 1)));
}

/**
 * Which zero polars makes of a scalar and what it is subtracted from depends on the number of rows, and on whether an aggregate has the same
 * value for all groups: those differences go without their sign.
 */
const applied = (method: string, a: string, b: string): string =>
  method === "minus().abs" ? `${a}.minus(${b}).abs()` : `${a}.${method}(${b})`;

type Maker = () => ExprTree | null;

function makers(random: Random, scope: ExprScope, kind: Kind, sub: (kind: Kind) => ExprTree | null): readonly Maker[] {
  const general: Maker[] = [
    () => conditional(random, kind, sub),
    () => combine(kind, [sub(kind), literal(random, kind) ?? sub(kind)], (a) => `${part(a, 0)}.fillNull(${part(a, 1)})`),
  ];
  if (scope.windows && random.chance(0.15)) general.push(() => exactWindow(random, scope, kind));
  const own = kind.split(" ")[0] ?? kind;
  const specific = SPECIFIC[own]?.(random, scope, sub) ?? [];
  if (kind === "cat") return [() => columnLike(random, scope, kind)];
  return [...general, ...specific, ...specific];
}

const columnLike = (random: Random, scope: ExprScope, kind: Kind): ExprTree | null => {
  const own = exact(scope.fields).filter((f) => f.kind === kind);
  return own.length === 0 ? null : columnOf(random.pick(own));
};

function combine(kind: Kind, args: readonly (ExprTree | null)[], text: ExprTree["text"]): ExprTree | null {
  const known = args.filter((a) => a !== null);
  return known.length === args.length ? tree(kind, known, text) : null;
}

function conditional(_random: Random, kind: Kind, sub: (kind: Kind) => ExprTree | null): ExprTree | null {
  const [condition, yes, no] = [sub("bool"), sub(kind), sub(kind)];
  return combine(kind, [condition, yes, no], (a) => `pl.when(${part(a, 0)}).then(${part(a, 1)}).otherwise(${part(a, 2)})`);
}

/** An aggregate over groups. */
export function windowed(random: Random, scope: ExprScope): ExprTree | null {
  const keys = random.some(exact(scope.fields), 1, 2);
  const value = aggregate(random, scope, 0);
  if (value === null || keys.length === 0) return null;
  const by = keys.map((k) => JSON.stringify(k.name)).join(", ");
  // Which zero is the largest of a window's -0 and 0 depends on how polars splits the groups.
  const settled = value.kind === "float" && value.noise === null ? ".abs()" : "";
  return tree(value.kind, [value], (a) => `${part(a, 0)}${settled}.over(${by})`, { scalar: false, needsOrder: value.needsOrder });
}

/** Where something is made of the values. */
function exactWindow(random: Random, scope: ExprScope, kind: Kind): ExprTree | null {
  const made = windowed(random, scope);
  return made === null || made.kind !== kind || made.noise !== null ? null : made;
}

function comparison(random: Random, scope: ExprScope, sub: (kind: Kind) => ExprTree | null): ExprTree | null {
  const kinds = [...new Set(exact(scope.fields).map((f) => f.kind))].filter(hasOrder);
  if (kinds.length === 0) return null;
  const kind = random.pick(kinds);
  const right = random.chance(0.6) ? literal(random, kind) : random.chance(0.2) && kind === "int" ? floatLiteral(random) : sub(kind);
  return combine(
    "bool",
    [sub(kind), right ?? sub(kind)],
    (
      (method) => (a) =>
        `${part(a, 0)}.${method}(${part(a, 1)})`
    )(random.pick(COMPARISONS)),
  );
}

/** Division by a constant multiplies by its reciprocal in polars, but not for frames of one row: only powers of two are the same. */
function quotient(random: Random, sub: (kind: Kind) => ExprTree | null, from: Kind): ExprTree | null {
  const method = random.pick(["div", "div", "modulo"]);
  const left = sub(from);
  const right = random.chance(0.6) ? sub(from) : powerOfTwo(random);
  const divisor =
    right === null || (right.scalar && right.text([]) !== "" && right.args.length >= 0 && !isPower(right)) ? powerOfTwo(random) : right;
  return combine("float", [left, divisor], (a) => `${part(a, 0)}.${method}(${part(a, 1)})`);
}
const isPower = (expr: ExprTree): boolean => /^pl\.lit\(-?(?:2|4|8|0\.5)\)$/.test(expr.text([]));

const arithmetic = (random: Random, kind: Kind, sub: (kind: Kind) => ExprTree | null): ExprTree | null => {
  const [a, b] = [sub(kind), random.chance(0.3) ? literal(random, kind) : sub(kind)];
  const method = random.pick(["plus", kind === "float" && a?.scalar === true ? "minus().abs" : "minus", "mul"]);
  return combine(kind, [a, b], (t) => applied(method, part(t, 0), part(t, 1)));
};

const wrap = (kind: Kind, value: ExprTree | null, method: string): ExprTree | null =>
  combine(kind, [value], (a) => `${part(a, 0)}.${method}`);

/**
 * Of two columns of floats polars takes NaN as IEEE does where both have more than one row and no nulls, else by its total order, as it does
 * for a constant.
 */
const horizontal = (random: Random, kind: Kind, sub: (kind: Kind) => ExprTree | null): ExprTree | null => {
  const settled = (value: ExprTree | null): ExprTree | null => (kind === "float" ? wrap(kind, value, "fillNan(-0.5)") : value);
  const [a, b] = random.chance(0.3) ? [sub(kind), literal(random, kind)] : [settled(sub(kind)), settled(sub(kind))];
  const fn = random.pick(["minHorizontal", "maxHorizontal"]);
  const turned = random.chance(0.5) ? [b, a] : [a, b];
  return combine(kind, turned, (t) => `pl.${fn}([${part(t, 0)}, ${part(t, 1)}])`);
};

const step = (random: Random): string =>
  `dt.${random.pick(["truncate", "round"])}(${JSON.stringify(random.pick(["1d", "3d", "1w", "2w", "36h", "1mo", "5mo", "1q", "1y"]))})`;

/** Functions that are some units of the last place off. */
const ELEMENTARY = [
  ...["sin()", "cos()", "tan()", "tanh()", "arctan()", "arcsinh()", "arcsin()", "arccos()", "abs().log1p()", "abs().log(10)"],
  ...["clip(-3, 5).exp()", "clip(-3, 5).sinh()", "clip(-3, 5).pow(7.5)", "pow(-2)"],
];

/** An elementary function of an exact float, measured by its own magnitude; null for others. */
export function elementary(random: Random, value: ExprTree): ExprTree | null {
  if (value.kind !== "float" || value.noise !== null) return null;
  const method = random.pick(ELEMENTARY);
  const text: ExprTree["text"] = (a) => `${part(a, 0)}.${method}`;
  return tree("float", [value], text, { noise: "linear", scale: (a) => `${text(a)}.abs()` });
}

type Makers = (random: Random, scope: ExprScope, sub: (kind: Kind) => ExprTree | null) => readonly Maker[];

const temporal = (scope: ExprScope, prefix: string): readonly Kind[] => [
  ...new Set(
    exact(scope.fields)
      .map((f) => f.kind)
      .filter((k) => k.startsWith(prefix)),
  ),
];

const SPECIFIC: Readonly<Record<string, Makers>> = {
  bool: (random, scope, sub) => [
    () => comparison(random, scope, sub),
    () => comparison(random, scope, sub),
    () =>
      combine(
        "bool",
        [sub("bool"), sub("bool")],
        (
          (m) => (a) =>
            `${part(a, 0)}.${m}(${part(a, 1)})`
        )(random.pick(["and", "or"])),
      ),
    () => wrap("bool", sub("bool"), "not()"),
    () => {
      const fields = scope.fields;
      return fields.length === 0
        ? null
        : wrap("bool", { ...columnOf(random.pick(fields)), noise: null }, random.pick(["isNull()", "isNotNull()"]));
    },
    () => wrap("bool", sub("float"), random.pick(["isNan()", "isNotNan()", "isFinite()", "isInfinite()"])),
    () => wrap("bool", sub("int"), `isIn([${random.some([1, 2, 5, 7, 100, -3], 1, 3).join(", ")}])`),
    () => wrap("bool", columnLike(random, scope, "str"), `isIn(["a", "ab", "ä"])`),
    () => wrap("bool", columnLike(random, scope, "str"), random.pick([`str.contains("a")`, `str.startsWith("a")`, `str.endsWith("b")`])),
    () => wrap("bool", sub("int"), "cast(pl.Bool)"),
  ],
  int: (random, scope, sub) => [
    () => arithmetic(random, "int", sub),
    () => arithmetic(random, "int", sub),
    () => wrap("int", sub("int"), random.pick(["abs()", "clip(-3, 20)", "modulo(pl.lit(7).cast(pl.Int64))"])),
    () => wrap("int", sub(random.pick(["int", "float", "bool"])), `cast(pl.${random.pick(INT_DTYPES)})`),
    () => wrap("int", columnLike(random, scope, "str"), "cast(pl.Int64)"),
    () => horizontal(random, "int", sub),
    () => {
      const kinds = [...temporal(scope, "date")];
      return kinds.length === 0 ? null : wrap("int", sub(random.pick(kinds)), `dt.${random.pick(DATE_PARTS)}()`);
    },
    () => {
      const kinds = [...temporal(scope, "date")];
      return kinds.length === 0 ? null : wrap("int", sub(random.pick(kinds)), `${step(random)}.dt.${random.pick(DATE_PARTS)}()`);
    },
    () => {
      const kinds = [...temporal(scope, "datetime"), ...temporal(scope, "time")];
      return kinds.length === 0 ? null : wrap("int", sub(random.pick(kinds)), `dt.${random.pick(TIME_PARTS)}()`);
    },
  ],
  float: (random, _scope, sub) => [
    () => arithmetic(random, "float", sub),
    () => arithmetic(random, "float", sub),
    () => quotient(random, sub, random.pick(["float", "int"])),
    () => wrap("float", sub("float"), random.pick(["abs()", "floor()", "ceil()", "round(0)", "fillNan(1.5)", "clip(-2, 9.5)"])),
    () => wrap("float", sub("int"), `cast(pl.${random.pick(["Float32", "Float64"])})`),
    () =>
      combine(
        "float",
        [sub("int"), floatLiteral(random)],
        (
          (m) => (a) =>
            `${part(a, 0)}.${m}(${part(a, 1)})`
        )(random.pick(["plus", "mul", "minus"])),
      ),
    () => horizontal(random, "float", sub),
  ],
  str: (random, scope, sub) => [
    () => wrap("str", columnLike(random, scope, "str"), random.pick(["str.toUpperCase()", "str.slice(0, 2)", "str.stripChars()"])),
    () => wrap("str", columnLike(random, scope, "cat"), "cast(pl.String)"),
    () =>
      combine(
        "str",
        [columnLike(random, scope, "str"), sub("str")],
        (a) => `pl.when(${part(a, 0)}.isNull()).then(${part(a, 1)}).otherwise(${part(a, 0)})`,
      ),
  ],
  date: (random, scope, sub) => [
    () => wrap("date", columnLike(random, scope, "date"), step(random)),
    () => {
      const kinds = temporal(scope, "datetime");
      return kinds.length === 0 ? null : wrap("date", sub(random.pick(kinds)), "cast(pl.Date)");
    },
  ],
  datetime: () => [],
  duration: () => [],
  time: () => [],
  cat: () => [],
};
