/**
 * The one direction of imports: a wing may use itself and what stands before it. The programs stand last: the launcher and the
 * command line, beside the gateway.
 */
const wings = [
  'platform',
  'directory',
  'session',
  'api-keys',
  'auth-strategy',
  'accounts',
  'login',
  'providers',
  'orgs',
  'operations',
  'forward-auth',
  'doctor',
  'pages',
  'features',
  'app',
];

const folder = (name) => `^src/${name}/`;
const own = '^src/';
const programs = ['^src/(?:launcher|cli)/', '^src/(?:index|main|testing)'];

const direction = wings.map((name, index) => ({
  name: `${name}-stays-below`,
  severity: 'error',
  comment: 'Imports go one way (docs/adr/0002).',
  from: { path: folder(name), pathNot: '\\.spec\\.tsx?$' },
  to: { path: [...wings.slice(index + 1).map((later) => folder(later)), ...programs] },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...direction,
    {
      name: 'launcher-is-its-own-program',
      severity: 'error',
      comment:
        'The launcher reads the configuration and starts the gateway as a process; it shares no other code than what declares settings.',
      from: { path: '^src/launcher/', pathNot: '\\.spec\\.ts$' },
      to: {
        path: own,
        pathNot: ['^src/launcher/', '^src/platform/(?:air-gap|config)/', '^src/app/features'],
      },
    },
    {
      name: 'features-can-be-removed',
      severity: 'error',
      comment: 'The list alone names a feature: without its folder and its line, the rest compiles.',
      from: { path: own, pathNot: ['^src/features/', '^src/app/features\\.ts$'] },
      to: { path: '^src/features/' },
    },
    {
      name: 'ory-client-stays-at-ory',
      severity: 'error',
      comment: 'Types of Ory stop at the classes that call it.',
      from: { path: own, pathNot: ['^src/providers/ory/', '^src/features/user-import/', '\\.spec\\.tsx?$'] },
      to: { path: '^node_modules/@ory/client' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'not-to-dev-dependencies',
      severity: 'error',
      from: { path: own, pathNot: '\\.spec\\.tsx?$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'not-to-specs',
      severity: 'error',
      from: { pathNot: '\\.spec\\.tsx?$' },
      to: { path: '\\.spec\\.tsx?$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'],
    },
    detectJSONImports: false,
  },
};
