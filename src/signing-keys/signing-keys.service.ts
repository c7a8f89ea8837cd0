import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import type { RequestOrigin } from '../auth/auth.service.js';
import { Problem } from '../core/problem.error.js';
import type { SigningKeyRow } from '../database/database.schema.js';
import type { Principal } from '../session/principal.js';
import { SigningKeyRepository } from '../session/signing-key.repository.js';
import { SigningKeyRotation } from '../session/signing-key.rotation.js';
import type { SigningKeyItem } from './signing-keys.schemas.js';

/** The keys that sign tokens, as administrators see them; private halves stay where they are. */
@Injectable()
export class SigningKeys {
  readonly #repository: SigningKeyRepository;
  readonly #rotation: SigningKeyRotation;
  readonly #audit: AuditService;

  constructor(repository: SigningKeyRepository, rotation: SigningKeyRotation, audit: AuditService) {
    this.#repository = repository;
    this.#rotation = rotation;
    this.#audit = audit;
  }

  /** Every key that is stored, oldest first. @throws {Problem} `database_unavailable` */
  async list(): Promise<SigningKeyItem[]> {
    return (await this.#repository.list()).map(toItem);
  }

  /** The next key signs from now on. @throws {Problem} `conflict` when somebody else has just done it. */
  async rotate({ claims, credential }: Principal, origin: RequestOrigin): Promise<SigningKeyItem[]> {
    if (!(await this.#rotation.rotate())) {
      throw new Problem('conflict', {
        detail: 'The keys have been rotated at the same moment.',
        reason: 'keys_rotated_meanwhile',
      });
    }
    const { requestId, remoteAddress } = origin;
    await this.#audit.record({
      type: 'key_rotated',
      requestId,
      remoteAddress,
      actor: { id: claims.sub, credential },
    });
    return this.list();
  }
}

function toItem(row: SigningKeyRow): SigningKeyItem {
  return {
    kid: row.kid,
    algorithm: row.alg,
    state: row.state,
    createdAt: new Date(row.created_at).toISOString(),
    activatedAt: row.activated_at === null ? null : new Date(row.activated_at).toISOString(),
    retiredAt: row.retired_at === null ? null : new Date(row.retired_at).toISOString(),
  };
}
