import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';

const run = promisify(execFile);
const script = resolve('scripts/count-lines.mjs');

/** What the script says of a source with these files, each of so many lines. */
async function linesOf(files: Readonly<Record<string, number>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lines-'));
  onTestFinished(async () => rm(folder, { recursive: true }));
  for (const [path, lines] of Object.entries(files)) {
    const file = join(folder, 'src', path);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, 'x;\n'.repeat(lines));
  }
  return (await run(process.execPath, [script], { cwd: folder })).stdout;
}

describe('npm run lines', () => {
  it('no feature of the source has more than 5,500 lines', async () => {
    const { stdout } = await run(process.execPath, [script]);
    expect(stdout).toMatch(/^feature signals +\d+$/m);
  });

  it('counts neither specs nor what features test with, nor views and texts', async () => {
    const stdout = await linesOf({
      'main.ts': 1,
      'login/login.service.ts': 10,
      'login/login.service.spec.ts': 1000,
      'platform/i18n/locales/en.ts': 1000,
      'pages/home.controller.ts': 100,
      'features/greetings/greeting.ts': 7,
      'features/greetings/greeting.view.tsx': 1000,
      'features/greetings/greeting-texts.ts': 1000,
      'features/greetings/test/support.ts': 1000,
    });
    expect(stdout.replaceAll(/ +/g, ' ').trim().split('\n')).toEqual([
      'core and providers 10',
      'feature greetings 7',
      'all source 118',
    ]);
  });

  it('fails for a larger feature, and names it', async () => {
    await expect(
      linesOf({ 'features/greetings/one.ts': 5500, 'features/greetings/two.ts': 1 }),
    ).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('feature greetings has 5501 lines') });
  });
});
