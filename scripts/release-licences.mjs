// The licences of what a package hands on of others.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Each text once, below the modules that it is of.
 * @param modules with `license`, a word for it, where a module may have no file.
 * @throws {Error} for a module that has neither.
 */
export function licences(modules) {
  const owners = new Map();
  for (const { name, version, folder, license } of modules) {
    const files = (folder ? readdirSync(folder) : []).filter((file) =>
      /^(?:licen[cs]e|copying|notice)/i.test(file),
    );
    const texts = files.map((file) => readFileSync(join(folder, file), 'utf8').trim());
    if (texts.length === 0 && license === undefined) {
      throw new Error(`${name} ${version} has no licence file`);
    }
    for (const text of texts.length > 0 ? texts : [license]) {
      owners.set(text, new Set([...(owners.get(text) ?? []), `${name} ${version}`]));
    }
  }
  return [...owners]
    .map(([text, names]) => `${[...names].sort().join('\n')}\n\n${text}\n`)
    .join(`\n${'-'.repeat(80)}\n\n`);
}
