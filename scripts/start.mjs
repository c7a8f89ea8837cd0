// `npm start`: installs and builds what is missing, then becomes the launcher (src/launcher).
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepareOrExit, root } from './prepare.mjs';

await prepareOrExit({ everything: false });
await import(pathToFileURL(join(root, 'dist', 'launcher', 'main.js')).href);
