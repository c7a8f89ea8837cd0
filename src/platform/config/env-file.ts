import { existsSync, readFileSync } from 'node:fs';

/** The file with settings in the working directory. Variables that are already set take precedence over it. */
const path = '.env';

/** Loads `.env` into the environment, if it exists. @param warn is told of each value that a `#` cuts off. */
export function loadEnvFile(warn: (line: string) => void): void {
  if (!existsSync(path)) {
    return;
  }
  for (const name of cutNames(readFileSync(path, 'utf8'))) {
    warn(`.env: the value of ${name} ends where its # begins a comment. Put the value in quotes.`);
  }
  process.loadEnvFile(path);
}

/** Names of the variables whose value has a `#` that begins a comment without a blank before it, so that it was hardly meant as one. */
export function cutNames(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const end = line.indexOf('=');
    const name = line.slice(0, Math.max(end, 0)).replace(/^\s*(?:export\s+)?/, '');
    const value = line.slice(end + 1);
    const hash = value.indexOf('#');
    const isQuoted = /^\s*["'`]/.test(value);
    const isCut = hash !== -1 && !/\s/.test(value.charAt(hash - 1)) && !isQuoted;
    return isCut && /^[A-Za-z_][\w]*\s*$/.test(name) ? [name.trim()] : [];
  });
}
