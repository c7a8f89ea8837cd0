import { deploymentFindings } from './deployment.findings.js';
import { hydraFindings } from './hydra.findings.js';
import { kratosFindings } from './kratos.findings.js';
import { resourceFindings } from './resource.findings.js';

/** Every finding, by its stable code, which is never reused. `docs/doctor.md` is generated from here. */
export const findingCatalogue = {
  ...deploymentFindings,
  ...resourceFindings,
  ...hydraFindings,
  ...kratosFindings,
} as const;

/** Stable code of a finding. */
export type FindingCode = keyof typeof findingCatalogue;
