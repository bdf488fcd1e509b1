/** Every expression tag of the DSL: those with a handler in the translator, and for the others the reason. */

/** Aliases and KeepName only name what they hold; Agg and Len are aggregates. */
export const HANDLED = [
  "Column",
  "Literal",
  "Alias",
  "KeepName",
  "RenameAlias",
  "BinaryExpr",
  "Cast",
  "Ternary",
  "Function",
  "Agg",
  "Len",
  "Over",
  "Sort",
  "SortBy",
] as const;

export const EXPRESSIONS: Readonly<Record<string, string>> = {
  Gather: "gathering inside an expression",
  Slice: "slicing inside an expression",
  Filter: "filtering inside an expression",
  Explode: "exploding inside an expression",
  Eval: "an expression evaluated inside lists",
  StructEval: "an expression evaluated inside structs",
  Element: "the elements of a list",
  Selector: "a selector that was not expanded",
  Rolling: "a rolling window",
  Field: "struct fields by name",
  AnonymousFunction: "a function written in another language",
  SubPlan: "a plan inside an expression",
  DataTypeFunction: "a computed dtype",
  Display: "formatting inside an expression",
};
