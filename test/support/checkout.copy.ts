import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

/** What belongs to a machine, or to one start, and not to the product. */
const left = new Set(['node_modules', '.git', '.data', '.env', '.prepare.lock', 'coverage', 'test']);
/** In node_modules, what is the copy's own: links by a relative path, and what `npm start` notes. */
const own = /^\./;

/**
 * Copies the checkout as it is after installing and building, without the tests. The packages are links to those of this checkout;
 * what is changed or built in the copy stays in it.
 */
export function copyCheckout(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(checkout).filter((entry) => !left.has(entry))) {
    cpSync(join(checkout, name), join(folder, name), { recursive: true, preserveTimestamps: true });
  }
  linkPackages(folder);
}

/** Installs this checkout's packages in a copy of it, as links. */
export function linkPackages(folder: string): void {
  const [from, to] = [join(checkout, 'node_modules'), join(folder, 'node_modules')];
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    if (own.test(name)) {
      cpSync(join(from, name), join(to, name), { recursive: true, verbatimSymlinks: true });
    } else {
      symlinkSync(join(from, name), join(to, name));
    }
  }
}
