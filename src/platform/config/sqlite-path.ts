import { fileURLToPath } from 'node:url';

/** Path of a SQLite file. @param url `file:…` */
export function sqlitePath(url: string): string {
  return url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length);
}
