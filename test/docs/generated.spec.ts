import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { renderAdvisoryDocs } from '../../scripts/advisories.mjs';
import { ownFeatures } from '../../src/app/features.js';
import { renderConfigurationDocs, renderEnvExample } from '../../src/platform/config/configuration.docs.js';
import {
  guidesOf,
  renderApplicationDocs,
  renderProgramDocs,
} from '../../src/features/applications/program.docs.js';
import { renderDoctorDocs } from '../../src/doctor/finding.docs.js';
import { renderObservabilityDocs } from '../../src/features/metrics/metric.docs.js';
import { renderErrorDocs } from '../../src/platform/errors/problem.docs.js';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const advisorySchema = z.object({
  id: z.string(),
  aliases: z.array(z.string()).default([]),
  module: z.string(),
  fixed: z.string(),
  exposed: z.boolean(),
  summary: z.string(),
  why: z.string(),
});
const renderAdvisories = (): string =>
  renderAdvisoryDocs(
    z.array(advisorySchema).parse(JSON.parse(read('docker/advisories.json'))),
    ['kratos', 'hydra', 'mailpit'].map((name) => read(`docker/${name}/go.mod`)),
  );

const documents = [
  ['docs/internals/advisories.md', renderAdvisories],
  ['docs/applications.md', () => renderApplicationDocs(read('docs/applications.md'))],
  [
    'examples/programs/README.md',
    () => renderProgramDocs(guidesOf(read('examples/programs/catalogue.json'))),
  ],
  ['docs/observability.md', () => renderObservabilityDocs(read('docs/observability.md'))],
  ['docs/configuration.md', () => renderConfigurationDocs(ownFeatures)],
  ['docs/errors.md', () => renderErrorDocs(ownFeatures)],
  ['docs/doctor.md', renderDoctorDocs],
  ['.env.example', () => renderEnvExample(ownFeatures)],
] as const;

describe('generated documents', () => {
  it.each(documents)('%s is what the code says; `npm run docs` writes it', (path, render) => {
    expect(read(path)).toBe(render());
  });
});
