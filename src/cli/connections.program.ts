import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { z } from 'zod';
import { parseJson } from '../platform/config/json.parser.js';
import { CommandError } from '../platform/errors/command.error.js';
import type { RefusalError } from './gateway.client.js';
import { GatewayResources } from './gateway-resources.js';
import { type UserSetting, addGatewayOption, loggedIn } from './user.program.js';

const connectionSchema = z.looseObject({
  id: z.string(),
  kind: z.string(),
  name: z.string(),
  serves: z.array(z.string()),
  redirectUri: z.string().nullable(),
  logoutUri: z.string().nullable(),
  metadataUrl: z.string().nullable(),
});
const listSchema = z.looseObject({ items: z.array(connectionSchema) });
const reportSchema = z.looseObject({
  ok: z.boolean(),
  steps: z.array(
    z.looseObject({
      step: z.string(),
      target: z.string(),
      ok: z.boolean(),
      detail: z.string().nullable(),
      found: z.string().nullish(),
    }),
  ),
  latestRefusal: z.looseObject({ at: z.string(), reason: z.string() }).nullable(),
});
const bodySchema = z.record(z.string(), z.unknown());

interface At {
  readonly url?: string;
  readonly org: string;
  readonly json?: true;
}

/** Adds `vestibule connections …`, with which owners connect their company's login to their organisation. */
export function addConnectionsCommand(program: Command, setting: UserSetting): void {
  const { print, tell } = setting;
  const connections = program
    .command('connections')
    .description('the company logins of an organisation; for its owners');
  const command = (name: string, description: string): Command =>
    addGatewayOption(connections.command(name).description(description))
      .requiredOption('--org <org>', 'the organisation: its short name or id')
      .option('--json', 'print JSON, as the API answers');
  const open = async (at: At): Promise<GatewayResources> =>
    GatewayResources.of(await loggedIn(at, setting), 'connections', at.org, (error, id) =>
      explained(at.org, error, id),
    );
  const show = (connection: z.output<typeof connectionSchema>, { json }: At): void => {
    if (json === true) {
      print(JSON.stringify(connection));
      return;
    }
    const { id, kind, redirectUri, logoutUri, metadataUrl } = connection;
    print(`id: ${id}`);
    const addresses = {
      [kind === 'saml' ? 'ACS' : 'redirect URI']: redirectUri,
      'logout URI': logoutUri,
      metadata: metadataUrl,
    };
    for (const [name, url] of Object.entries(addresses)) {
      if (url !== null) {
        print(`${name}: ${url}`);
      }
    }
  };

  command('list', 'every connection: id, kind, name and domains').action(async (at: At) => {
    const { items } = await (await open(at)).call('GET', {}, listSchema);
    const lines = items.map(({ id, kind, name, serves }) =>
      `${id}  ${kind.padEnd(5)}  ${name}  ${serves.join(' ')}`.trimEnd(),
    );
    for (const line of at.json === true ? [JSON.stringify(items)] : lines) {
      print(line);
    }
  });

  command('create', 'connect a company login, as a JSON file describes it')
    .argument('<file>', 'the file, as the API takes it (docs/connections.md); - for the standard input')
    .action(async (file: string, at: At) => {
      const body = bodyIn(file);
      show(await (await open(at)).call('POST', {}, connectionSchema, body), at);
    });

  command(
    'change',
    'change a connection; members that the file leaves out stay, settings are replaced as a whole',
  )
    .argument('<id>', 'its id')
    .argument('<file>', 'the JSON file; - for the standard input')
    .action(async (id: string, file: string, at: At) => {
      const body = bodyIn(file);
      show(await (await open(at)).call('PATCH', { id }, connectionSchema, body), at);
    });

  command('test', 'try a connection out, step by step')
    .argument('<id>', 'its id')
    .option('--address <address>', 'a user who should be found, in a directory')
    .action(async (id: string, { address, ...at }: At & { readonly address?: string }) => {
      const body = address === undefined ? {} : { address };
      const report = await (await open(at)).call('POST', { id, below: '/test' }, reportSchema, body);
      const lines = report.steps.map(({ step, target, ok, detail, found }) =>
        ok
          ? `ok      ${step}  ${target}`
          : `failed  ${step}  ${target}: ${detail}${found === undefined || found === null ? '' : ` (${found})`}`,
      );
      const { latestRefusal: refused } = report;
      if (refused !== null) {
        lines.push(`latest refused login  ${refused.at}: ${refused.reason}`);
      }
      for (const line of at.json === true ? [JSON.stringify(report)] : lines) {
        print(line);
      }
      if (!report.ok) {
        throw new CommandError('The connection does not work yet.');
      }
    });

  command('remove', 'remove a connection; the sessions of its users end')
    .argument('<id>', 'its id')
    .action(async (id: string, at: At) => {
      const gateway = await open(at);
      const { name } = await gateway.call('GET', { id }, connectionSchema);
      await gateway.call('DELETE', { id }, z.undefined());
      tell(`The connection ${name} is removed.`);
    });
}

/** What a refusal means. @param org that the command named. */
function explained(org: string, error: RefusalError, id: string | undefined): Error {
  if (error.status === 404) {
    const one = `There is no connection ${id} in the organisation ${org}, or you don't belong to it.`;
    return new CommandError(id === undefined ? "You don't belong to it." : one, { cause: error });
  }
  const faults = error.errors.map(({ field, message }) => `${field} ${message}`);
  return faults.length === 0 ? error : new CommandError(faults.join('\n'), { cause: error });
}

/** The body in a file. @param file its path; `-` is the standard input. */
function bodyIn(file: string): Readonly<Record<string, unknown>> {
  const body = bodySchema.safeParse(parseJson(textOf(file)));
  if (!body.success) {
    throw new CommandError(`${file} has no JSON object.`);
  }
  return body.data;
}

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new CommandError(`${file} cannot be read.`, { cause: error });
  }
}
