// `npm start`: installs and builds what is missing, then becomes the launcher (src/embedded).
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PrepareError, prepare, root } from './prepare.mjs';

try {
  await prepare();
} catch (error) {
  if (!(error instanceof PrepareError)) {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
await import(pathToFileURL(join(root, 'dist', 'embedded', 'main.js')).href);
