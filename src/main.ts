import { startVestibule } from './app/app.start.js';

await startVestibule();
