#!/usr/bin/env node
/** The command line: `npx polars-webgpu COMMAND`. */

import { CONFORMANCE_USAGE, conformance } from "./conformance/command.ts";

const [command, ...args] = process.argv.slice(2);
if (command === "conformance") process.exitCode = await conformance(args);
else {
  console.log(`usage: ${CONFORMANCE_USAGE}`);
  process.exitCode = command === undefined || command === "--help" ? 0 : 1;
}
