import { once } from 'node:events';
import { startVestibule } from './app/app-start.js';
import { keepCompiled } from './platform/core/compile-cache.js';

/** Whether the launcher starts this program beside Ory: it ends the standard input once Ory is there. */
const isHeld = process.argv.includes('--hold');

await startVestibule({}, async () => {
  if (isHeld) {
    await once(process.stdin.resume(), 'end');
  }
});
keepCompiled();
