/** Lists of named expressions: their schema, and the one that leaves columns as they are. */

import type { NamedExpr } from "./expr.ts";
import { column, named } from "./expr.ts";
import type { Schema } from "./schema.ts";

/** The columns that the expressions make. */
export const fieldsOf = (exprs: readonly NamedExpr[]): Schema => exprs.map((e) => ({ name: e.name, dtype: e.expr.dtype }));

/** Each column as itself. */
export const columnsOfSchema = (schema: Schema): readonly NamedExpr[] => schema.map((f) => named(f.name, column(f.name, f.dtype)));
