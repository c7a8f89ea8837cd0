// `npm start`: installs and builds what is missing, then becomes the launcher (src/launcher).
import module from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { programCache, readSettings } from './preflight.mjs';
import { prepareOrExit, root } from './prepare.mjs';

await prepareOrExit({ everything: false });
// What is in it is run, so others may not write what is made here. Programs are run from the same folder. Node 20 has no such cache.
process.umask(0o077);
module.enableCompileCache?.(join(programCache(readSettings(root, process.env)), 'compiled'));
await import(pathToFileURL(join(root, 'dist', 'launcher', 'main.js')).href);
// By itself, Node writes it only at an orderly end.
module.flushCompileCache?.();
