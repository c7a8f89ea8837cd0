// `npm run build`: compiles src into dist, joins its programs, and notes what that was built from, so that no start builds it again.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { joinPrograms } from './join-gateway.mjs';
import { noteBuild, root, sourceHash } from './prepare.mjs';

const require = createRequire(import.meta.url);

const hash = sourceHash();
const nest = require.resolve('@nestjs/cli/bin/nest.js');
const { status } = spawnSync(process.execPath, [nest, 'build'], { cwd: root, stdio: 'inherit' });
if (status === 0) {
  await joinPrograms();
  noteBuild(hash);
} else {
  process.exitCode = 1;
}
