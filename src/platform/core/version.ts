import { existsSync, readFileSync } from 'node:fs';

/** This program's version: of its build, or of the package.json beside `src` where the source itself runs. */
export const version = readVersion();

function readVersion(): string {
  const built = new URL('../../build.json', import.meta.url);
  const file = existsSync(built) ? built : new URL('../../../package.json', import.meta.url);
  return String(Reflect.get(Object(JSON.parse(readFileSync(file, 'utf8'))), 'version'));
}
