import { describe, expect, it } from 'vitest';
import {
  type OryCommand,
  type OryFile,
  assertOryStaysInside,
  oryLeaks,
  readOryFiles,
} from './ory-air-gap.js';
import { hydraProgram, kratosProgram } from './ory-programs.js';
import { makeSecrets } from './secret.store.js';
import { sqliteDsn } from './sqlite-dsn.js';

const publicUrl = 'https://auth.example.org';
const ports = { kratosPublic: 1, kratosAdmin: 2, hydraPublic: 3, hydraAdmin: 4, smtp: 5, mailbox: 6 };
const sso = { id: 'sso', provider: 'generic', client_id: 'x', scope: [], issuer_url: 'http://sso.internal' };

/** A program as `npm start` would start it, with the files of this checkout. */
async function shipped(
  name: OryCommand['name'],
  mapper = 'file://oidc.mapper.jsonnet',
): Promise<{ readonly command: OryCommand; readonly files: readonly OryFile[] }> {
  const setting = {
    publicUrl,
    brandName: 'Vestibule',
    passwordMinLength: 10,
    binaries: new Map([
      ['kratos', '/bin/kratos'],
      ['hydra', '/bin/hydra'],
    ] as const),
    secrets: makeSecrets(),
    dsn: { kratos: sqliteDsn('/data/kratos.sqlite'), hydra: sqliteDsn('/data/hydra.sqlite') },
    folder: '/data',
    smtpUrl: 'smtp://mail.internal:25/',
    socialProviders: [{ ...sso, mapper_url: mapper }],
    logLevel: 'info',
    environment: {},
  };
  const program = await (name === 'kratos' ? kratosProgram(setting, ports) : hydraProgram(setting, ports));
  return { command: { name, args: program.args, env: program.env }, files: await readOryFiles(name) };
}

/** The leaks that are found after one file is changed. */
async function afterChange(
  name: OryCommand['name'],
  path: string,
  change: (text: string) => string,
): Promise<readonly string[]> {
  const { command, files } = await shipped(name);
  const changed = files.map((file) => (file.path === path ? { path, text: change(file.text) } : file));
  expect(changed).not.toEqual(files);
  return oryLeaks(command, changed, [publicUrl]);
}

describe('the settings in docker/ and the commands of npm start', () => {
  it.each(['kratos', 'hydra'] as const)('%s asks nobody outside', async (name) => {
    const { command, files } = await shipped(name);
    expect(oryLeaks(command, files, [publicUrl])).toEqual([]);
    expect(files.length).toBeGreaterThanOrEqual(name === 'kratos' ? 10 : 1);
  });
});

describe('what is refused, by its name', () => {
  it.each([
    ['haveibeenpwned_enabled: true', 'haveibeenpwned_enabled'],
    ['haveibeenpwned_enabled: *alias', 'haveibeenpwned_enabled'],
    ['ignored: false', 'haveibeenpwned_enabled'],
    ['haveibeenpwned_enabled: false\n    also: { "haveibeenpwned_enabled": true }', 'haveibeenpwned_enabled'],
  ])('password check: %s', async (text, named) => {
    const found = await afterChange('kratos', 'kratos.yml', (all) =>
      all.replace('haveibeenpwned_enabled: false', text),
    );
    expect(found).toEqual([`kratos.yml: ${named} must be false`]);
  });

  it.each([
    ['kratos', 'kratos.yml', 'sqa-opt-out: true', 'sqa-opt-out'],
    ['hydra', 'hydra.yml', 'opt_out: true', 'opt_out'],
  ] as const)('telemetry of %s in its settings', async (name, path, line, key) => {
    const expected = [`${path}: ${key} must be true`];
    expect(await afterChange(name, path, (all) => all.replace(line, `${key}: false`))).toEqual(expected);
    expect(await afterChange(name, path, (all) => all.replace(line, `# ${line}`))).toEqual(expected);
  });

  it.each(['kratos', 'hydra'] as const)('telemetry of %s by flag and by variable', async (name) => {
    const { command, files } = await shipped(name);
    const silent = { ...command, args: [], env: { ...command.env, SQA_OPT_OUT: '' } };
    expect(oryLeaks(silent, files, [publicUrl])).toEqual([
      `${name}: must be started with --sqa-opt-out`,
      `${name}.env: SQA_OPT_OUT must be true`,
    ]);
  });

  it.each([
    ['a schema', 'url: file://identity.schema.json', 'url: https://schemas.example/person.json', 'url'],
    [
      'a folder of templates',
      'template_override_path: templates',
      'template_override_path: "HTTP://10.0.0.1/t"',
      'template_override_path',
    ],
    ['tracing', '\nlog:\n', '\ntracing:\n  provider: otel\nlog:\n', 'tracing'],
  ])('%s from elsewhere', async (_, from, to, named) => {
    expect(await afterChange('kratos', 'kratos.yml', (all) => all.replace(from, to))).toEqual([
      `kratos.yml: ${named} names a remote address`,
    ]);
  });

  it.each([
    ['<img src="https://www.gravatar.com/avatar/x">', true],
    ["<img src='//cdn.example/logo.png'>", true],
    ['<link rel="stylesheet" href="https://cdn.example/a.css">', true],
    ['<p style="background: url(https://cdn.example/a.png)">', true],
    ['<a href="https://help.example">Help</a>', false],
    ['https://help.example', false],
  ])('in a mail: %s', async (text, expected) => {
    const path = 'templates/recovery_code/valid/email.body.gotmpl';
    const found = await afterChange('kratos', path, (all) => all + text);
    expect(found).toEqual(expected ? [`${path}: loads a remote document`] : []);
  });

  it('a reference in a schema, and the mapper of a third-party login', async () => {
    const path = 'identity.schema.json';
    const reference = '{ "$ref": "https://schemas.example/x.json" }';
    expect(await afterChange('kratos', path, (all) => all + reference)).toEqual([
      `${path}: loads a remote document`,
    ]);
    const { command, files } = await shipped('kratos', 'https://mappers.example/m.jsonnet');
    expect(oryLeaks(command, files, [publicUrl])).toEqual([
      'kratos.env: SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS leads out of the private network',
    ]);
  });

  it('an address in a variable, unless it is of an own origin or inside; never with its value', async () => {
    const { command, files } = await shipped('kratos');
    const { env } = command;
    const own = [publicUrl, 'http://gateway.lan:3000'];
    const with_ = (url: string) => oryLeaks({ ...command, env: { ...env, X_URL: url } }, files, own);
    expect(with_('https://hooks.example/?token=secret')).toEqual([
      'kratos.env: X_URL leads out of the private network',
    ]);
    expect(with_('https://auth.example.org.evil.example')).toHaveLength(1);
    expect(with_('http://169.254.169.254/')).toHaveLength(1);
    expect(with_('http://10.1.2.3/ http://localhost:1/ https://auth.example.org/x')).toEqual([]);
    expect(with_('http://gateway.lan:3000/x')).toEqual([]);
    expect(with_('http://gateway.lan:3001/x')).toHaveLength(1);
    const checked = { ...env, SELFSERVICE_METHODS_PASSWORD_CONFIG_HAVEIBEENPWNED_ENABLED: 'true' };
    expect(oryLeaks({ ...command, env: checked }, files, [publicUrl])).toEqual([
      'kratos.env: SELFSERVICE_METHODS_PASSWORD_CONFIG_HAVEIBEENPWNED_ENABLED must be false',
    ]);
  });

  it('ends a start with exit code 78', async () => {
    const [kratos, hydra] = [await shipped('kratos'), await shipped('hydra')];
    const commands = {
      kratos: { command: '/bin/kratos', ...kratos.command },
      hydra: { command: '/bin/hydra', ...hydra.command },
    };
    await expect(assertOryStaysInside(commands, [publicUrl])).resolves.toBeUndefined();
    const loud = { ...commands, hydra: { ...commands.hydra, args: [] } };
    await expect(assertOryStaysInside(loud, [publicUrl])).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringContaining('hydra: must be started with --sqa-opt-out'),
    });
  });
});
