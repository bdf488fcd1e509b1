/** Elementary functions of floats. */

import { type Case, expressions, MATH } from "../case.ts";

/** CPU polars ends the process on structs, and panics on lists and bytes. */
const NUMBERS_ONLY = { except: ["struct", "list", "bin"], tolerance: MATH };

export const MATHEMATICS: readonly Case[] = expressions(
  "Mathematics",
  {
    "arccos()": (e) => e.arccos(),
    "arccosh()": (e) => e.arccosh(),
    "arcsin()": (e) => e.arcsin(),
    "arcsinh()": (e) => e.arcsinh(),
    "arctan()": (e) => e.arctan(),
    "arctan2(e)": (e) => e.arctan2(e),
    "arctanh()": (e) => e.arctanh(),
    "cos()": (e) => e.cos(),
    "cosh()": (e) => e.cosh(),
    "cot()": (e) => e.cot(),
    "degrees()": (e) => e.degrees(),
    "exp()": (e) => e.exp(),
    "log()": (e) => e.log(),
    "log(2)": (e) => e.log(2),
    "log1p()": (e) => e.log1p(),
    "pow(2)": (e) => e.pow(2),
    "pow(0.5)": (e) => e.pow(0.5),
    "radians()": (e) => e.radians(),
    "sin()": (e) => e.sin(),
    "sinh()": (e) => e.sinh(),
    "tan()": (e) => e.tan(),
    "tanh()": (e) => e.tanh(),
  },
  NUMBERS_ONLY,
);
