// `npm run docs`: writes the documents that are generated from the code. A test holds them against it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderAdvisoryDocs } from './advisories.mjs';
import { prepare, root } from './prepare.mjs';

await prepare({ everything: true });
const { ownFeatures } = await import('../dist/app/features.js');
const { renderConfigurationDocs, renderEnvExample } =
  await import('../dist/platform/config/configuration.docs.js');
const { renderErrorDocs } = await import('../dist/platform/errors/problem.docs.js');
const { renderDoctorDocs } = await import('../dist/doctor/finding.docs.js');
const { renderObservabilityDocs } = await import('../dist/features/metrics/metric.docs.js');
const { guidesOf, renderApplicationDocs, renderProgramDocs } =
  await import('../dist/features/applications/program.docs.js');
const applications = join(root, 'docs/applications.md');
writeFileSync(applications, renderApplicationDocs(readFileSync(applications, 'utf8')));
const programs = join(root, 'examples/programs');
const guides = guidesOf(readFileSync(join(programs, 'catalogue.json'), 'utf8'));
writeFileSync(join(programs, 'README.md'), renderProgramDocs(guides));
const observability = join(root, 'docs/observability.md');
writeFileSync(observability, renderObservabilityDocs(readFileSync(observability, 'utf8')));
writeFileSync(join(root, 'docs/doctor.md'), renderDoctorDocs());
writeFileSync(join(root, 'docs/configuration.md'), renderConfigurationDocs(ownFeatures));
writeFileSync(join(root, 'docs/errors.md'), renderErrorDocs(ownFeatures));
const goMods = ['kratos', 'hydra', 'mailpit'].map((name) =>
  readFileSync(join(root, 'docker', name, 'go.mod'), 'utf8'),
);
const advisories = JSON.parse(readFileSync(join(root, 'docker/advisories.json'), 'utf8'));
mkdirSync(join(root, 'docs/internals'), { recursive: true });
writeFileSync(join(root, 'docs/internals/advisories.md'), renderAdvisoryDocs(advisories, goMods));
writeFileSync(join(root, '.env.example'), renderEnvExample(ownFeatures));
