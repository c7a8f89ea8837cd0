import { readFileSync } from 'node:fs';

/** This program's version, from the package.json two folders above: beside `src` and beside `dist` alike. */
export const version = readVersion();

function readVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return String(Reflect.get(Object(JSON.parse(text)), 'version'));
}
