// `npm run build`: compiles src into dist, joins its programs, and notes what that was built from, so that no start builds it again.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { joinPrograms } from './join-gateway.mjs';
import { noteBuild, root, sourceHash } from './prepare.mjs';

const require = createRequire(import.meta.url);

const hash = sourceHash();
rmSync(join(root, 'dist'), { recursive: true, force: true });
const nest = require.resolve('@nestjs/cli/bin/nest.js');
const { status } = spawnSync(process.execPath, [nest, 'build'], { cwd: root, stdio: 'inherit' });
if (status === 0) {
  await joinPrograms();
  noteBuild(hash);
} else {
  process.exitCode = 1;
}
