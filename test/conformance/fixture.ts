export * from "../../src/conformance/fixture.ts";
