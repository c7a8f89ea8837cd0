import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { CommandError } from '../platform/errors/command.error.js';
import type { RefusalError } from './gateway.client.js';
import { GatewayResources } from './gateway-resources.js';
import { type UserSetting, addGatewayOption, loggedIn } from './user.program.js';

const workloadSchema = z.looseObject({
  id: z.string(),
  issuer: z.string(),
  audience: z.string(),
  claims: z.record(z.string(), z.string()),
});
const listSchema = z.looseObject({ items: z.array(workloadSchema) });

type Claims = Readonly<Record<string, string>>;

interface At {
  readonly url?: string;
  readonly json?: true;
}

interface TrustOptions extends At {
  readonly issuer: string;
  readonly audience?: string;
  readonly claim: Claims;
}

/** Adds `vestibule workloads …`, with which administrators say whose tokens may be exchanged for a machine's, without a secret. */
export function addWorkloadsCommand(program: Command, setting: UserSetting): void {
  const { print, tell } = setting;
  const workloads = program
    .command('workloads')
    .description('the workloads that may be a machine without its secret; for administrators');
  const command = (name: string, description: string): Command =>
    addGatewayOption(workloads.command(name).description(description))
      .argument('<machine>', 'client id of the machine')
      .option('--json', 'print JSON, as the API answers');
  const open = async (at: At): Promise<GatewayResources> =>
    GatewayResources.of(await loggedIn(at, setting), 'applications', undefined, explained);

  command('list', 'every workload that a machine trusts').action(async (id: string, at: At) => {
    const { items } = await (await open(at)).call('GET', { id, below: '/workloads' }, listSchema);
    for (const line of at.json === true ? [JSON.stringify(items)] : items.map(lineOf)) {
      print(line);
    }
  });

  command('trust', 'let a workload get tokens of a machine')
    .requiredOption('--issuer <url>', 'who signs its tokens, exactly as in iss')
    .option('--audience <url>', 'aud of its tokens; default: the address of the gateway')
    .requiredOption('--claim <name=value>', 'a claim that its tokens have; repeat it for more', addClaim)
    .action(async (id: string, { issuer, audience, claim, ...at }: TrustOptions) => {
      const body = { issuer, claims: claim, ...(audience === undefined ? {} : { audience }) };
      const made = await (await open(at)).call('POST', { id, below: '/workloads' }, workloadSchema, body);
      print(at.json === true ? JSON.stringify(made) : lineOf(made));
    });

  command('remove', 'stop trusting a workload; the tokens of the machine end at once')
    .argument('<workload>', 'its id, as `list` prints it')
    .action(async (id: string, workload: string, at: At) => {
      const below = `/workloads/${encodeURIComponent(workload)}`;
      await (await open(at)).call('DELETE', { id, below }, z.undefined());
      tell('The workload is no longer trusted.');
    });
}

function lineOf({ id, issuer, audience, claims }: z.output<typeof workloadSchema>): string {
  const pairs = Object.entries(claims).map(([name, value]) => `${name}=${value}`);
  return [id, issuer, `aud=${audience}`, ...pairs].join('  ');
}

function addClaim(text: string, before: Claims = {}): Claims {
  const [, name, value] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError(
      'It must be a name and a value, such as sub=repo:acme/shop:ref:refs/heads/main.',
    );
  }
  return { ...before, [name]: value };
}

/** What a refusal means. */
function explained(error: RefusalError, id: string | undefined): Error {
  if (error.status === 404) {
    return new CommandError(`There is no machine ${id ?? ''}, or no such workload of it.`, { cause: error });
  }
  return error.errors.length === 0
    ? error
    : new CommandError(
        error.errors
          .map(({ field, message }) => `--${field.replace(/^claims.*/, 'claim')} ${message}`)
          .join('\n'),
        {
          cause: error,
        },
      );
}
