/**
 * The one direction of imports: a layer may use itself and what stands before it.
 * Layers in one group don't use each other unless it's said here.
 */
const layers = [
  ['core'],
  ['config'],
  ['passwords', 'metrics', 'tracing'],
  ['upstreams'],
  ['http', 'database', 'replicas', 'languages'],
  ['users', 'audit'],
  ['limits'],
  ['session'],
  ['api-keys'],
  ['oidc'],
  ['kratos', 'hydra', 'auth0'],
  ['auth'],
  ['mail'],
  ['orgs'],
  [
    'account',
    'audit-events',
    'people',
    'signing-keys',
    'verify',
    'proxy',
    'health',
    'observability',
    'doctor',
  ],
  ['pages'],
];

const folder = (names) => `^src/(?:${names.join('|')})/`;
const own = '^src/';

const direction = layers.flatMap((group, index) => {
  const later = layers.slice(index + 1).flat();
  return group.map((name) => ({
    name: `${name}-stays-below`,
    severity: 'error',
    comment: 'Imports go one way (docs/adr/0002).',
    from: { path: folder([name]), pathNot: '\\.spec\\.tsx?$' },
    to: {
      path: [...later, ...group]
        .filter((other) => other !== name)
        .map((other) => folder([other]))
        .concat('^src/(?:embedded|cli)/', '^src/(?:app\\.|main)'),
    },
  }));
});

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...direction,
    {
      name: 'embedded-is-its-own-program',
      severity: 'error',
      comment:
        'The launcher reads the configuration and starts the gateway as a process; it shares no other code.',
      from: { path: '^src/embedded/', pathNot: '\\.spec\\.ts$' },
      to: { path: own, pathNot: ['^src/embedded/', '^src/config/'] },
    },
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
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
