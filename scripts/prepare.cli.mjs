// Installs and builds what isn't up to date, for tests and checks too.
import { prepareOrExit } from './prepare.mjs';

await prepareOrExit({ everything: true });
