import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** Next.js' program, from the folder of an application. */
export const nextProgram = '../node_modules/next/dist/bin/next';

const config = `export default {
  // The installed packages are links to another folder.
  turbopack: { root: '/' },
  experimental: { authInterrupts: true },
};
`;

const layout = 'export default ({ children }) => <html lang="en"><body>{children}</body></html>;\n';

const actionPage = `import { redirect } from 'next/navigation';
import { auth } from '../../../auth';

async function save() {
  'use server';
  await auth.currentUser({ role: 'admin' });
  redirect('/unguarded/saved');
}

export default () => <form action={save}><button>Save</button></form>;
`;

/**
 * Writes an application of Next.js, and below `/unguarded` pages that its proxy doesn't see: the application's own page, one with a server
 * action, and one that subscribes to ended sessions by `REVOCATIONS_KEY`.
 * @param program its files, each below a comment with its path.
 */
export function writeNextApp(folder: string, program: string): void {
  const [, ...parts] = program.split(/^\/\/ (\S+\.js)$/m);
  const files = new Map(
    parts.flatMap((path, index) => (index % 2 === 0 ? [[path, parts[index + 1] ?? '']] : [])),
  );
  const read = (path: string): string => files.get(path) ?? '';
  const page = read('app/page.js');
  const all = new Map([
    ...files,
    ['proxy.js', `${read('proxy.js')}export const config = { matcher: ['/((?!unguarded).*)'] };\n`],
    ['app/layout.js', layout],
    ['next.config.mjs', config],
    ['app/unguarded/page.js', page.replace('../auth', '../../auth')],
    ['app/unguarded/action/page.js', actionPage],
    ['app/unguarded/subscribed/page.js', page.replace('../auth', '../../../subscribed')],
    [
      'subscribed.js',
      read('auth.js').replace(' });', ', revocations: { key: process.env.REVOCATIONS_KEY } });'),
    ],
  ]);
  for (const [path, content] of all) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

/** Runs `next build`, which asks the network for nothing. @throws what it wrote if it fails. */
export async function buildNextApp(cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  await promisify(execFile)(process.execPath, [nextProgram, 'build'], { cwd, env });
}
