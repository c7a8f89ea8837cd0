import { createRequire } from 'node:module';

/** Resolves what the programs in `test/services` have installed. */
export const services = createRequire(new URL('../services/package.json', import.meta.url));

/** The program of a runtime for this platform, which a package of its own has. */
export function programOf(name: 'bun' | 'deno'): string {
  const machine = process.arch === 'arm64' ? { bun: 'aarch64', deno: 'arm64' } : { bun: 'x64', deno: 'x64' };
  return services.resolve(
    { bun: `@oven/bun-linux-${machine.bun}/bin/bun`, deno: `@deno/linux-${machine.deno}-glibc/deno` }[name],
  );
}
