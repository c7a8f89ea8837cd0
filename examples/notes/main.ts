import { startVestibule } from '@vestibule-auth/vestibule';
import { NotesModule } from './notes.module.js';
import { PlanEnricher } from './plan.enricher.js';

await startVestibule({ modules: [NotesModule], claimsEnricher: PlanEnricher });
