import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { packLibraries } from '../../scripts/release-pack.mjs';
import { checkout } from '../journeys/started.vestibule.js';

/** Copies the tarballs of the packages for other services into a folder. They are packed once per run, as a release packs them. */
export function packPackages(folder: string): readonly string[] {
  const packed = join(inject('runFolder'), 'packed');
  if (!existsSync(packed)) {
    const draft = `${packed}.${randomUUID()}`;
    mkdirSync(draft);
    packLibraries(draft);
    try {
      renameSync(draft, packed);
    } catch (error) {
      // Another worker was first.
      rmSync(draft, { recursive: true });
      if (!existsSync(packed)) {
        throw error;
      }
    }
  }
  cpSync(packed, folder, { recursive: true });
  return readdirSync(folder).map((name) => join(folder, name));
}

/**
 * A project in which the packed packages are installed, beside the frameworks of `test/services`. Each of these is a link to its folder
 * there.
 * @returns the folder for programs.
 */
export function installPackages(project: string, tarballs: readonly string[]): string {
  const modules = join(project, 'node_modules');
  const installed = join(checkout, 'test', 'services', 'node_modules');
  mkdirSync(modules, { recursive: true });
  for (const name of readdirSync(installed).filter((name) => !name.startsWith('.'))) {
    symlinkSync(join(installed, name), join(modules, name));
  }
  for (const tarball of tarballs) {
    const folder = join(modules, '@vestibule-auth', /vestibule-auth-(\w+)-/.exec(tarball)?.[1] ?? '');
    mkdirSync(folder, { recursive: true });
    execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', folder]);
  }
  return project;
}
