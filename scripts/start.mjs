// `npm start`: installs and builds what is missing, then becomes the launcher (src/launcher).
import module from 'node:module';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepareOrExit, root } from './prepare.mjs';

await prepareOrExit({ everything: false });
// What is in it is run, so only this user may write it. The folder is that of src/launcher/binary.cache.ts, from which programs are run
// too. Node 20 has no such cache.
const { VESTIBULE_CACHE, XDG_CACHE_HOME } = process.env;
const cache = resolve(VESTIBULE_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'vestibule'));
process.umask(0o077);
module.enableCompileCache?.(join(cache, 'compiled'));
await import(pathToFileURL(join(root, 'dist', 'launcher', 'main.js')).href);
// By itself, Node writes it only at an orderly end.
module.flushCompileCache?.();
