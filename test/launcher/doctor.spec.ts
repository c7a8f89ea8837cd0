import { expect, test } from 'vitest';
import { startCli } from '../support/cli.process.js';
import { prepareDeployment } from '../support/deployment.template.js';
import { launcherEnvironment, startLauncher } from './launcher.harness.js';

test('beside `npm start`, vestibule doctor finds the copy that runs; and that none runs any more', async () => {
  const env = await launcherEnvironment();
  const doctor = () => startCli(env, 'doctor', '--timeout', '20').end();
  expect(await doctor()).toMatchObject({ code: 1, out: expect.stringContaining('embedded_not_running') });
  await prepareDeployment(env['DATA_DIR'] ?? '');
  const launcher = startLauncher(env);
  await launcher.prints('Vestibule is ready');
  expect(await doctor()).toEqual({ code: 0, out: 'all good\n', err: '' });
  launcher.process.kill('SIGTERM');
  await launcher.exited;
  expect(await doctor()).toMatchObject({ code: 1, out: expect.stringContaining('embedded_not_running') });
}, 120_000);
