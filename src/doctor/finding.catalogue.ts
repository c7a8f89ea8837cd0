import { deploymentFindings } from './deployment.findings.js';
import { hydraFindings } from './hydra.findings.js';
import { kratosFindings } from './kratos.findings.js';
import { resourceFindings } from './resource.findings.js';

/**
 * Everything that `vestibule doctor` can find, by its stable code. `docs/doctor.md` is generated from here.
 * A code is never reused for another meaning.
 */
export const findingCatalogue = {
  ...deploymentFindings,
  ...resourceFindings,
  ...hydraFindings,
  ...kratosFindings,
} as const;

/** Stable name of something that can be wrong. */
export type FindingCode = keyof typeof findingCatalogue;
