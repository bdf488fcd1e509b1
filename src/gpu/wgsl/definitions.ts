/** What a file of the WGSL library exports, and the functions that every ordered type derives from its `T_lt` and `T_eq`. */

/** WGSL text of one function, struct or constant, or what makes it when it is first needed. */
export type Definition = string | (() => string);

/** Definitions by name; what a text uses is found by scanning it. */
export type Definitions = Readonly<Record<string, Definition>>;

/** `T_ne T_le T_gt T_ge` of a type whose WGSL value type is `value`, out of its `T_lt` and `T_eq`. */
export const comparisons = (type: string, value: string): Definitions => ({
  [`${type}_ne`]: `fn ${type}_ne(a: ${value}, b: ${value}) -> bool { return !${type}_eq(a, b); }`,
  [`${type}_le`]: `fn ${type}_le(a: ${value}, b: ${value}) -> bool { return !${type}_lt(b, a); }`,
  [`${type}_gt`]: `fn ${type}_gt(a: ${value}, b: ${value}) -> bool { return ${type}_lt(b, a); }`,
  [`${type}_ge`]: `fn ${type}_ge(a: ${value}, b: ${value}) -> bool { return !${type}_lt(a, b); }`,
});

/** `T_min T_max` of an integer type, out of its `T_lt`. */
export const extremes = (type: string, value: string): Definitions => ({
  [`${type}_min`]: `fn ${type}_min(a: ${value}, b: ${value}) -> ${value} { return select(a, b, ${type}_lt(b, a)); }`,
  [`${type}_max`]: `fn ${type}_max(a: ${value}, b: ${value}) -> ${value} { return select(a, b, ${type}_lt(a, b)); }`,
});
