/** All generators by the name of their stream, the quick ones first. */
import type { TableGenerator } from "../chunks.ts";
import { customer } from "./customer.ts";
import { nation } from "./nation.ts";
import { orders } from "./orders.ts";
import { part } from "./part.ts";
import { supplier } from "./supplier.ts";

export const generators: ReadonlyMap<string, TableGenerator> = new Map(
  [nation, supplier, part, customer, orders].map((generator) => [generator.stream, generator]),
);
