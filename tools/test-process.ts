/** Loaded before each test file, in the file's process. */
import "./patient-polls.ts";
import { sep } from "node:path";

// The tightest limits that a user may meet; fuzzing and kernel tests use those of the adapter too.
if (process.argv[1]?.includes(`${sep}conformance${sep}`)) process.env.POLARS_WEBGPU__LIMITS ??= "default";
