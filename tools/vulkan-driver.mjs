/**
 * Installs Mesa's software Vulkan driver (lavapipe) through the system's package manager, for machines without a GPU.
 * Dawn refuses lavapipe older than 24. Nothing of the system's package sources or lists is changed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const oldestMesa = 24;
const aptPackages = ["mesa-vulkan-drivers", "libvulkan1"];

/** Package managers whose distributions carry a recent Mesa as a matter of course. */
const simpleManagers = [
  { tool: "dnf", command: ["dnf", "install", "-y", "mesa-vulkan-drivers", "vulkan-loader"] },
  { tool: "pacman", command: ["pacman", "-Sy", "--noconfirm", "--needed", "vulkan-swrast", "vulkan-icd-loader"] },
  { tool: "apk", command: ["apk", "add", "mesa-vulkan-swrast", "vulkan-loader"] },
];

/** Installs the driver where that can be done and says how to where not. Returns whether something was installed. */
export function installVulkanDriver(say) {
  if (process.platform !== "linux") {
    say("no GPU adapter was found: update the graphics driver");
    return false;
  }
  const root = process.getuid?.() === 0;
  if (inPath("apt-get")) return installWithApt(say, root);
  const manager = simpleManagers.find(({ tool }) => inPath(tool));
  if (!manager) {
    say(`no GPU adapter was found: install Mesa's Vulkan drivers (lavapipe, version ${oldestMesa} or newer) and the Vulkan loader`);
    return false;
  }
  const command = manager.command.join(" ");
  if (!root) {
    say(`no GPU adapter was found: for the software driver run: sudo ${command}`);
    return false;
  }
  say(`no GPU adapter was found, installing the software Vulkan driver: ${command}`);
  return execute(manager.command, {}).ok;
}

/** Installs with apt from a temporary source list, which for Debian 12 adds backports. */
function installWithApt(say, root) {
  const release = osRelease(readText("/etc/os-release"));
  const sources = aptSources(release, sourceFiles());
  if (!root) {
    const backports = release.backports ? `-t ${release.backports} ` : "";
    const add = release.backports ? `echo "${sources.at(-1)}" > /etc/apt/sources.list.d/${release.backports}.list && ` : "";
    say(
      `no GPU adapter was found: for the software driver run: sudo sh -c '${add}apt-get update && apt-get install -y ${backports}${aptPackages.join(" ")}'`,
    );
    return false;
  }
  const directory = mkdtempSync(join(tmpdir(), "polars-webgpu-apt-"));
  try {
    const options = aptOptions(directory, sources, release);
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    say(`no GPU adapter was found, reading the package lists of ${[release.codename, release.backports].filter(Boolean).join(", ")}`);
    const update = execute(["apt-get", ...options, "-qq", "update"], env);
    if (!update.ok) return failed(say, update);
    const version = /Candidate: (\S+)/.exec(execute(["apt-cache", ...options, "policy", aptPackages[0]], env).output)?.[1] ?? "none";
    if (!(mesaMajor(version) >= oldestMesa)) {
      say(`this release offers Mesa ${version}, Dawn needs ${oldestMesa} or newer for its software driver: nothing was installed`);
      return false;
    }
    say(`installing the software Vulkan driver: ${aptPackages[0]} ${version}`);
    const install = execute(["apt-get", ...options, "-qq", "install", "-y", "--no-install-recommends", ...aptPackages], env);
    return install.ok || failed(say, install);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Options that point apt at the temporary source list and list directory. */
export function aptOptions(directory, sources, release) {
  const lists = join(directory, "lists");
  mkdirSync(join(lists, "partial"), { recursive: true });
  const list = join(directory, "sources.list");
  writeFileSync(list, `${sources.join("\n")}\n`);
  const settings = {
    "Dir::Etc::SourceList": list,
    "Dir::Etc::SourceParts": "-",
    "Dir::State::Lists": lists,
    "Dir::Cache::pkgcache": "",
    "Dir::Cache::srcpkgcache": "",
    "APT::Sandbox::User": "root",
    "DPkg::Lock::Timeout": "300",
    "Acquire::Retries": "3",
    ...(release.backports ? { "APT::Default-Release": release.backports } : {}),
  };
  return Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
}

/** Codename and, for Debian 12 whose own Mesa is too old, the backports suite. */
export function osRelease(text) {
  const field = (name) => new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(text)?.[1] ?? "";
  const codename = field("VERSION_CODENAME");
  return { codename, backports: field("ID") === "debian" && codename === "bookworm" ? "bookworm-backports" : null };
}

/**
 * One-line apt sources for the distribution's own suites as the machine's source files name them (mirror and Signed-By kept),
 * and last, where needed, backports from the same mirror.
 */
export function aptSources(release, files) {
  const entries = files.flatMap(({ name, text }) => (name.endsWith(".sources") ? deb822Entries(text) : oneLineEntries(text)));
  const own = entries.filter(({ suite }) => suite === release.codename || suite.startsWith(`${release.codename}-`));
  const main = own.find(({ suite }) => suite === release.codename) ?? {
    uri: "http://deb.debian.org/debian",
    suite: release.codename,
    components: "main",
    signedBy: "/usr/share/keyrings/debian-archive-keyring.gpg",
  };
  const wanted = [...(own.includes(main) ? own : [main]).filter(({ suite }) => suite !== release.backports)];
  if (release.backports) wanted.push({ ...main, suite: release.backports });
  return wanted.map(
    ({ uri, suite, components, signedBy }) => `deb ${signedBy ? `[signed-by=${signedBy}] ` : ""}${uri} ${suite} ${components}`,
  );
}

function deb822Entries(text) {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name) => new RegExp(`^${name}:[ \t]*(.*)$`, "mi").exec(stanza)?.[1]?.trim() ?? "";
    if (!field("Types").split(/\s+/).includes("deb") || /^no$/i.test(field("Enabled"))) return [];
    const signedBy = field("Signed-By").startsWith("/") ? field("Signed-By") : "";
    const uris = field("URIs").split(/\s+/).filter(Boolean);
    const suites = field("Suites").split(/\s+/).filter(Boolean);
    return uris.flatMap((uri) => suites.map((suite) => ({ uri, suite, components: field("Components"), signedBy })));
  });
}

function oneLineEntries(text) {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line);
    if (!match) return [];
    const [, options = "", uri, suite, components] = match;
    return [{ uri, suite, components: components.trim(), signedBy: /signed-by=(\S+)/.exec(options)?.[1] ?? "" }];
  });
}

/** The major version of a Debian package version such as `25.0.7-2~bpo12+1` or `1:24.2`; NaN where there is none. */
export const mesaMajor = (version) => Number(/^(?:\d+:)?(\d+)\./.exec(version)?.[1] ?? Number.NaN);

function sourceFiles() {
  const parts = "/etc/apt/sources.list.d";
  const names = existsSync(parts) ? readdirSync(parts).filter((name) => /\.(list|sources)$/.test(name)) : [];
  return [
    { name: "sources.list", text: readText("/etc/apt/sources.list") },
    ...names.map((name) => ({ name, text: readText(join(parts, name)) })),
  ];
}

const readText = (file) => (existsSync(file) ? readFileSync(file, "utf8") : "");

const inPath = (tool) => (process.env.PATH ?? "").split(":").some((dir) => existsSync(join(dir, tool)));

function execute([tool, ...args], env) {
  const result = spawnSync(tool, args, { env: { ...process.env, ...env }, encoding: "utf8", maxBuffer: 1 << 26 });
  return { ok: result.status === 0, output: `${result.stdout ?? ""}${result.stderr ?? ""}${result.error ?? ""}` };
}

function failed(say, { output }) {
  say(`the software Vulkan driver could not be installed:\n${output.trim().split("\n").slice(-8).join("\n")}`);
  return false;
}
