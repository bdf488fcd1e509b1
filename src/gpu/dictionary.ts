/** The host side of a `code` column: what its codes mean. The GPU layer carries it by reference and never looks inside. */

export interface Dictionary {
  /** Number of entries; every valid code is below it. */
  readonly size: number;
  /** True when no two entries are equal, so that equal values have equal codes. */
  readonly unique: boolean;
}
