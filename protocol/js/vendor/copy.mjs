// Copies what the seal needs of @noble/ciphers and @noble/hashes here, unchanged: `npm run vendor`, after a change of their
// versions in package.json. The test vendor.test.mjs checks that nothing differs.
import { copyFileSync, mkdirSync } from "node:fs";

export const files = {
  ciphers: ["_arx", "_poly1305", "_polyval", "aes", "chacha", "utils"],
  hashes: ["_md", "_u64", "hkdf", "hmac", "sha2", "utils"],
};

/** The pairs of original and copy. */
export const copies = Object.entries(files).flatMap(([library, names]) =>
  ["LICENSE", ...names.flatMap((name) => [`${name}.js`, `${name}.d.ts`])].map((file) => ({
    from: new URL(`../node_modules/@noble/${library}/${file}`, import.meta.url),
    to: new URL(`noble-${library}/${file}`, import.meta.url),
  })),
);

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const library of Object.keys(files)) mkdirSync(new URL(`noble-${library}`, import.meta.url), { recursive: true });
  for (const { from, to } of copies) copyFileSync(from, to);
}
