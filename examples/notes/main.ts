import { startVestibule } from '@vestibule-auth/vestibule';
import { notes } from './notes.feature.js';
import { PlanEnricher } from './plan.enricher.js';

await startVestibule({ features: [notes], claimsEnricher: PlanEnricher });
