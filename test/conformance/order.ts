export * from "../../src/conformance/order.ts";
