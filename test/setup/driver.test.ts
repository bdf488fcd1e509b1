/** How the set-up reads a machine: its apt sources, its Mesa version, and which npm packages are out of date. */
import assert from "node:assert/strict";
import { test } from "node:test";
// @ts-expect-error: plain JavaScript without types, it has to run on the Node of a bare machine
import { outdatedPackages } from "../../tools/setup.mjs";
// @ts-expect-error: as above
import { aptSources, mesaMajor, osRelease } from "../../tools/vulkan-driver.mjs";

const bookworm = { codename: "bookworm", backports: "bookworm-backports" };

test("only Debian 12 needs backports", () => {
  assert.deepEqual(osRelease('ID=debian\nVERSION_CODENAME=bookworm\nVERSION="12 (bookworm)"\n'), bookworm);
  assert.deepEqual(osRelease("ID=debian\nVERSION_CODENAME=trixie\n"), { codename: "trixie", backports: null });
  assert.deepEqual(osRelease('NAME="Ubuntu"\nID=ubuntu\nVERSION_CODENAME="noble"\n'), { codename: "noble", backports: null });
});

test("deb822 sources: mirror and key are kept, third parties left out, backports added", () => {
  const text =
    "Types: deb\n# a comment\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main contrib\nSigned-By: /usr/share/keyrings/k.gpg\n\n" +
    "Types: deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n\n" +
    "Types: deb\nEnabled: no\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\n";
  const other = "Types: deb\nURIs: https://deb.nodesource.com/node_20.x\nSuites: nodistro\nComponents: main\n";
  const files = [
    { name: "debian.sources", text },
    { name: "nodesource.sources", text: other },
  ];
  assert.deepEqual(aptSources(bookworm, files), [
    "deb [signed-by=/usr/share/keyrings/k.gpg] http://mirror.example/debian bookworm main contrib",
    "deb [signed-by=/usr/share/keyrings/k.gpg] http://mirror.example/debian bookworm-updates main contrib",
    "deb [signed-by=/usr/share/keyrings/k.gpg] http://mirror.example/debian bookworm-backports main contrib",
  ]);
});

test("one-line sources, with backports already there, name it once", () => {
  const text =
    "# deb http://no.example bookworm main\ndeb [arch=amd64 signed-by=/k.gpg] http://a.example/debian bookworm main\ndeb http://a.example/debian bookworm-backports main\n";
  assert.deepEqual(aptSources(bookworm, [{ name: "sources.list", text }]), [
    "deb [signed-by=/k.gpg] http://a.example/debian bookworm main",
    "deb [signed-by=/k.gpg] http://a.example/debian bookworm-backports main",
  ]);
  assert.deepEqual(
    aptSources({ codename: "trixie", backports: null }, [{ name: "a.list", text: "deb http://x/debian trixie main # note\n" }]),
    ["deb http://x/debian trixie main"],
  );
});

test("a machine without sources uses Debian's own mirror", () => {
  assert.deepEqual(
    aptSources(bookworm, []).at(-1),
    "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm-backports main",
  );
});

test("Mesa versions", () => {
  assert.equal(mesaMajor("25.0.7-2~bpo12+1"), 25);
  assert.equal(mesaMajor("1:22.3.6-1+deb12u2"), 22);
  assert.ok(Number.isNaN(mesaMajor("(none)")));
});

test("packages are out of date when absent or of another version, and only those for this platform count", () => {
  const other = process.platform === "win32" ? "linux" : "win32";
  const lock = {
    packages: {
      "": { version: "9" },
      "node_modules/same": { version: "1" },
      "node_modules/older": { version: "2" },
      "node_modules/absent": { version: "1", os: [process.platform] },
      "node_modules/foreign": { version: "1", os: [other] },
      "node_modules/excluded": { version: "1", os: [`!${process.platform}`] },
      "node_modules/foreign-cpu": { version: "1", cpu: ["nonesuch"] },
    },
  };
  const installed = { packages: { "node_modules/same": { version: "1" }, "node_modules/older": { version: "1" } } };
  assert.deepEqual(outdatedPackages(lock, installed), ["node_modules/older", "node_modules/absent"]);
});
