/** The shapes of polars' DSL as nodejs-polars serialises it: every plan and expression that polars-webgpu reads is one of these values. */

/**
 * Any value inside a plan. Numbers are exact: integers beyond 2^53 are bigint, -0, NaN and infinities survive. Binary payloads (Arrow IPC
 * streams of literals) are bytes. The `fields` of a schema are pairs, because column order matters and an object would reorder names like "0".
 */
export type DslValue = null | boolean | number | bigint | string | Uint8Array | DslObject | readonly DslValue[];
export interface DslObject {
  readonly [key: string]: DslValue;
}

/** What carries a variant: a bare name (`"Len"`) or an object with exactly one key (`{ Column: "a" }`). */
export type DslNode = string | DslObject;

/** The variant's name and its payload; a bare name has the payload null. Throws on anything that is not a variant. */
export function tag(node: DslValue): readonly [name: string, payload: DslValue] {
  const found = tagOf(node);
  if (found === undefined) throw new TypeError(`not a variant of the polars DSL: ${typeof node}`);
  return found;
}

/** As `tag`, or undefined when the value has no variant's shape. */
export function tagOf(node: DslValue | undefined): readonly [name: string, payload: DslValue] | undefined {
  if (typeof node === "string") return [node, null];
  if (!isObject(node)) return undefined;
  const keys = Object.keys(node);
  const name = keys[0];
  if (keys.length !== 1 || name === undefined) return undefined;
  return [name, node[name] ?? null];
}

export function isObject(value: DslValue | undefined): value is DslObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

export function isList(value: DslValue | undefined): value is readonly DslValue[] {
  return Array.isArray(value);
}

/** `"Int64"`, `{ Datetime: ["Microseconds", null] }`, `{ List: "Int64" }`, ...: a dtype in polars' own spelling. */
export type DslDtype = DslNode;
/** Columns in order. */
export type DslFields = readonly (readonly [name: string, dtype: DslDtype])[];

/** Expressions stay generic: their grammar is wide, `tag` takes them apart. */
export type DslExpr = DslNode;

export type SortOptions = {
  readonly descending: readonly boolean[];
  readonly nulls_last: readonly boolean[];
  readonly multithreaded: boolean;
  readonly maintain_order: boolean;
  readonly limit: DslValue;
};
export type ProjectionOptions = { readonly run_parallel: boolean; readonly duplicate_check: boolean; readonly should_broadcast: boolean };
export type JoinArgs = {
  readonly how: DslNode;
  readonly validation: string;
  readonly suffix: string | null;
  readonly slice: DslValue;
  readonly nulls_equal: boolean;
  readonly coalesce: "CoalesceColumns" | "KeepColumns" | "JoinSpecific";
  readonly maintain_order: "None" | "Left" | "Right" | "LeftRight" | "RightLeft";
  readonly build_side: string | null;
};
export type UnionArgs = {
  readonly parallel: boolean;
  readonly rechunk: boolean;
  readonly to_supertypes: boolean;
  readonly diagonal: boolean;
  readonly strict: boolean;
  readonly from_partitioned_ds: boolean;
  readonly maintain_order: boolean;
};

/** Payload of each plan node that nodejs-polars makes, after reading; `Source` stands for an in-memory frame, `IR` wrappers are gone. */
export type PlanPayloads = {
  readonly Source: number;
  readonly Scan: { readonly sources: DslNode; readonly unified_scan_args: DslObject; readonly scan_type: DslNode };
  readonly Filter: { readonly input: DslPlan; readonly predicate: DslExpr };
  readonly Select: { readonly expr: readonly DslExpr[]; readonly input: DslPlan; readonly options: ProjectionOptions };
  readonly HStack: { readonly input: DslPlan; readonly exprs: readonly DslExpr[]; readonly options: ProjectionOptions };
  readonly GroupBy: {
    readonly input: DslPlan;
    readonly keys: readonly DslExpr[];
    readonly predicates: readonly DslExpr[];
    readonly aggs: readonly DslExpr[];
    readonly maintain_order: boolean;
    readonly options: { readonly dynamic: DslObject | null; readonly rolling: DslObject | null; readonly slice: DslValue };
    readonly apply: DslValue;
  };
  readonly Join: {
    readonly input_left: DslPlan;
    readonly input_right: DslPlan;
    readonly left_on: readonly DslExpr[];
    readonly right_on: readonly DslExpr[];
    readonly predicates: readonly DslExpr[];
    readonly options: { readonly allow_parallel: boolean; readonly force_parallel: boolean; readonly args: JoinArgs };
  };
  readonly Sort: {
    readonly input: DslPlan;
    readonly by_column: readonly DslExpr[];
    readonly slice: DslValue;
    readonly sort_options: SortOptions;
  };
  readonly Slice: { readonly input: DslPlan; readonly offset: number | bigint; readonly len: number };
  readonly Distinct: {
    readonly input: DslPlan;
    readonly options: {
      readonly subset: readonly DslExpr[] | null;
      readonly maintain_order: boolean;
      readonly keep_strategy: "First" | "Last" | "None" | "Any";
    };
  };
  readonly MapFunction: { readonly input: DslPlan; readonly function: DslNode };
  readonly Union: { readonly inputs: readonly DslPlan[]; readonly args: UnionArgs };
  readonly HConcat: {
    readonly inputs: readonly DslPlan[];
    readonly options: { readonly parallel: boolean; readonly strict: boolean; readonly broadcast_unit_length: boolean };
  };
  readonly Cache: { readonly input: DslPlan; readonly id: string };
  readonly Sink: { readonly input: DslPlan; readonly payload: DslNode };
};
export type PlanTag = keyof PlanPayloads;
export type DslPlan = { readonly [T in PlanTag]: { readonly [K in T]: PlanPayloads[T] } }[PlanTag];

const PLAN_TAGS = {
  Source: true,
  Scan: true,
  Filter: true,
  Select: true,
  HStack: true,
  GroupBy: true,
  Join: true,
  Sort: true,
  Slice: true,
  Distinct: true,
  MapFunction: true,
  Union: true,
  HConcat: true,
  Cache: true,
  Sink: true,
} as const satisfies Record<PlanTag, true>;

export function isPlanTag(name: string): name is PlanTag {
  return Object.hasOwn(PLAN_TAGS, name);
}

/** A plan node from its payload as it was read: the border where foreign JSON gets its type. */
export function planNode(name: PlanTag, payload: DslObject): DslPlan {
  return { [name]: payload } as unknown as DslPlan;
}

/** Input plans of a node, left to right; empty for leaves. */
export function planInputs(plan: DslPlan): readonly DslPlan[] {
  if ("Source" in plan || "Scan" in plan) return [];
  if ("Join" in plan) return [plan.Join.input_left, plan.Join.input_right];
  if ("Union" in plan) return plan.Union.inputs;
  if ("HConcat" in plan) return plan.HConcat.inputs;
  return singleInput(plan);
}

type SingleInput = Exclude<
  DslPlan,
  | { readonly Source: number }
  | { readonly Scan: unknown }
  | { readonly Join: unknown }
  | { readonly Union: unknown }
  | { readonly HConcat: unknown }
>;

function singleInput(plan: SingleInput): readonly DslPlan[] {
  return Object.values(plan).map((payload: { readonly input: DslPlan }) => payload.input);
}
