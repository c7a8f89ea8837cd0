import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { FlowDestination, challengeIn } from '../providers/ory/challenges/flow-destination.js';
import { CompanyLogins } from '../providers/ory/sources/company-logins.js';
import { foldIdentifier } from '../platform/core/account-identifier.js';
import { LoginLimits } from '../directory/rate-limit/login-limits.js';
import { Invites, type OpenInvite } from '../accounts/invites.js';
import { accountKey } from '../providers/ory/proxy/session-account.js';
import { type FlowApplication, FlowApplications } from './flow-application.js';
import type { Flow } from './flow.parser.js';
import type { FlowKind } from './views/flow-plan.js';

/** Id of Kratos' message about a wrong password or address. */
const wrongPassword = 4_000_006;
/** The page shows the number of attempts left once there are this many or fewer. */
const warnFrom = 3;

/** What a self-service page needs to know besides the flow itself. */
export interface FlowContext {
  /** The application that sent the person here. */
  readonly application: FlowApplication;
  /** The invite whose link led here. */
  readonly invite: OpenInvite | undefined;
  /** Login attempts left for this account before logins are paused; undefined unless few are left. */
  readonly triesLeft: number | undefined;
  /** Where users log in by their company; undefined if no company can be connected, or the page isn't a login. */
  readonly companyLogin: string | undefined;
}

/** Finds the context of a flow: the application that the login is for, the invite that led to it, and the attempts left. */
@Injectable()
export class FlowContextFinder {
  constructor(
    private readonly applications: FlowApplications,
    private readonly companies: CompanyLogins,
    private readonly destinations: FlowDestination,
    private readonly invites: Invites,
    private readonly limits: LoginLimits,
  ) {}

  async find(request: FastifyRequest, kind: FlowKind, flow: Flow): Promise<FlowContext> {
    const challenge = challengeIn(flow.return_to);
    const application = await this.applications.find(challenge, request);
    const destination = await this.destinations.find(request, flow.return_to);
    const invite = await this.invites.held({ destination });
    const triesLeft = kind === 'login' ? await this.#triesLeft(request, flow) : undefined;
    const companyLogin =
      kind === 'login' && challenge !== undefined && (await this.companies.source?.mayExist()) === true
        ? `/ui/identify?${new URLSearchParams({ login_challenge: challenge })}`
        : undefined;
    return { application, invite, triesLeft, companyLogin };
  }

  /** The number of attempts left after a wrong password; undefined if there are enough not to warn about. */
  async #triesLeft(request: FastifyRequest, { ui }: Flow): Promise<number | undefined> {
    const identifier = ui.nodes.find(
      (node) => node.type === 'input' && node.attributes.name === 'identifier',
    );
    const account = identifier?.type === 'input' ? identifier.attributes.value : undefined;
    if (!ui.messages.some(({ id }) => id === wrongPassword) || typeof account !== 'string') {
      return undefined;
    }
    const left = await this.limits.remaining(request, accountKey(foldIdentifier(account)));
    return left === undefined || left > warnFrom ? undefined : left;
  }
}
