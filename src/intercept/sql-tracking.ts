/** Tracking of SQLContext: the same statement planned over the shadows of the registered tables. */
import type { PolarsModule } from "../polars/module.ts";
import type { NativeSqlContext } from "../polars/native.ts";
import { isQuiet, quietly } from "../polars/quiet.ts";
import { type NativeFunction, patchMethods } from "./patching.ts";
import { type LazyRecords, mergeSources, ownShadow, Shadow, shapeOf, type Untracked } from "./shadow.ts";

type Tables = ReadonlyMap<string, Shadow | Untracked>;

/** What is known of one SQLContext. `mirror` exists once a statement may have changed the tables: from then on statements run on both. */
type ContextState = { tables: Tables; mirror: NativeSqlContext | undefined };

/** Statements that only read, so that their shadow can wait until somebody asks for it. */
const READS = /^(?:select|with|from|values|table)\b/i;
/** Statements that answer with a frame of their own (texts, table names); that frame is the plan. */
const ANSWERS = /^(?:explain|show|create|drop)\b/i;
const LEADING = /^(?:\s|\(|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/;

export class SqlTracking {
  private readonly module: PolarsModule;
  private readonly tracking: LazyRecords;
  private readonly contexts = new WeakMap<object, ContextState>();

  constructor(module: PolarsModule, tracking: LazyRecords) {
    this.module = module;
    this.tracking = tracking;
  }

  install(): void {
    const after = (original: NativeFunction, note: (context: object, args: readonly unknown[], result: unknown) => void): NativeFunction =>
      function (...args) {
        const result = Reflect.apply(original, this, args);
        if (!isQuiet() && typeof this === "object" && this !== null) note(this, args, result);
        return result;
      };
    patchMethods(this.module.native.SqlContext.prototype, (name, original) => {
      if (name === "register") return after(original, (context, [table, frame]) => this.register(context, String(table), frame));
      if (name === "unregister") return after(original, (context, [table]) => this.unregister(context, String(table)));
      if (name === "execute") return after(original, (context, [query], result) => this.execute(context, String(query), result));
      return undefined;
    });
  }

  private stateOf(context: object): ContextState {
    const known = this.contexts.get(context);
    if (known !== undefined) return known;
    const state: ContextState = { tables: new Map(), mirror: undefined };
    this.contexts.set(context, state);
    return state;
  }

  private register(context: object, table: string, frame: unknown): void {
    if (!this.tracking.isLazy(frame)) return;
    const state = this.stateOf(context);
    const record = this.tracking.recordOf(frame);
    state.tables = new Map(state.tables).set(table, record);
    if (state.mirror !== undefined) registerIn(state.mirror, table, record);
  }

  private unregister(context: object, table: string): void {
    const state = this.stateOf(context);
    const tables = new Map(state.tables);
    tables.delete(table);
    state.tables = tables;
    const { mirror } = state;
    if (mirror !== undefined) quietly(() => mirror.unregister(table));
  }

  private execute(context: object, query: string, result: unknown): void {
    const state = this.stateOf(context);
    const { tables } = state;
    const statement = query.replace(LEADING, "");
    if (state.mirror === undefined && !READS.test(statement)) state.mirror = this.contextOf(tables);
    const { mirror } = state;
    const shadow = mirror === undefined ? undefined : quietly(() => mirror.execute(query));
    if (!this.tracking.isLazy(result)) return;
    this.tracking.record(result, ANSWERS.test(statement) ? ownShadow(result, "sql", [query]) : this.resultOf(tables, query, shadow));
  }

  private resultOf(tables: Tables, query: string, shadow: unknown): Shadow | Untracked {
    const inputs: Shadow[] = [];
    for (const [name, record] of tables) {
      if (record instanceof Shadow) inputs.push(record);
      else if (query.toLowerCase().includes(name.toLowerCase())) return { untracked: `SQL table ${name}: ${record.untracked}` };
    }
    return new Shadow(mergeSources(inputs), shapeOf("sql", inputs, [query]), inputs, () => shadow ?? this.contextOf(tables).execute(query));
  }

  private contextOf(tables: Tables): NativeSqlContext {
    const context = quietly(() => new this.module.native.SqlContext());
    for (const [name, record] of tables) registerIn(context, name, record);
    return context;
  }
}

/** A table that is not tracked stays unknown to the mirror; queries that name it are untracked as well. */
function registerIn(context: NativeSqlContext, name: string, record: Shadow | Untracked): void {
  if (record instanceof Shadow) quietly(() => Reflect.apply(context.register, context, [name, record.native()]));
}
