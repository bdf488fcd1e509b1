export * from "../../src/conformance/cells.ts";
