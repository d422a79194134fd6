// What the modules may need, and that the vendored ones are unchanged.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { copies } from "../vendor/copy.mjs";

test("the modules need neither Node nor a package", () => {
  for (const dir of ["../src/", "../vendor/noble-ciphers/", "../vendor/noble-hashes/"]) {
    for (const name of readdirSync(new URL(dir, import.meta.url)).filter((n) => n.endsWith(".js"))) {
      const text = readFileSync(new URL(dir + name, import.meta.url), "utf8");
      for (const [, from] of text.matchAll(/^(?:import|export)[^;]*from "([^"]*)"/gm)) assert.match(from, /^\.\.?\//, name);
      if (dir === "../src/")
        assert.doesNotMatch(text, /\b(Buffer|process|require|setTimeout|Date|performance\.)(?=[.(])/, name);
    }
  }
});

test("a receiver without a key loads nothing of the seal", () => {
  const index = new URL("../src/index.js", import.meta.url),
    /** @type {Set<string>} */ loaded = new Set();
  const visit = (/** @type {URL} */ url) => {
    if (loaded.has(url.href)) return;
    loaded.add(url.href);
    for (const [, from] of readFileSync(url, "utf8").matchAll(/^(?:import|export)[^;]*from "([^"]*)"/gm))
      visit(new URL(from, url));
  };
  visit(index);
  assert.deepEqual(
    [...loaded].filter((u) => /seal|vendor/.test(u)),
    [],
  );
});

test("what is vendored is what npm has", () => {
  for (const { from, to } of copies) assert.ok(readFileSync(from).equals(readFileSync(to)), to.pathname);
});

test("the command says what is wrong with its arguments", () => {
  const command = new URL("../udpcam-recv.mjs", import.meta.url).pathname;
  for (const [args, want] of /** @type {[string[], RegExp][]} */ ([
    [[], /usage/],
    [["here"], /here: give an address and a port/],
    [["--count", "x", ":1"], /--count x/],
    [["--key", "short", ":1"], /not a key/],
    [["--bad", ":1"], /--bad/],
  ])) {
    assert.throws(
      () => execFileSync(process.execPath, [command, ...args], { stdio: "pipe" }),
      (/** @type {any} */ err) => err.status === 2 && want.test(err.stderr),
    );
  }
});
