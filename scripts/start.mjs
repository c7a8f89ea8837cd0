// `npm start`: installs and builds what is missing, then becomes the launcher (src/launcher).
import './prepare.cli.mjs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './prepare.mjs';

await import(pathToFileURL(join(root, 'dist', 'launcher', 'main.js')).href);
