import { Injectable } from '@nestjs/common';
import { AuditService } from '../../directory/audit/audit.service.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { SigningKeyRow } from '../../platform/database/database.schema.js';
import type { Principal } from '../../session/principal.js';
import { SigningKeyRepository } from '../../session/tokens/signing-key.repository.js';
import { SigningKeyRotation } from '../../session/tokens/signing-key-rotation.js';
import type { SigningKeyItem } from './signing-keys.schemas.js';
import type { ClientInfo } from '../../platform/http/client-info.js';

/** Lists and rotates the signing keys, for administrators. It never returns private keys. */
@Injectable()
export class SigningKeys {
  constructor(
    private readonly repository: SigningKeyRepository,
    private readonly rotation: SigningKeyRotation,
    private readonly audit: AuditService,
  ) {}

  /** Every key that is stored, oldest first. @throws {Problem} `database_unavailable` */
  async list(): Promise<SigningKeyItem[]> {
    return (await this.repository.list()).map(toItem);
  }

  /** Makes the next key the current one. @throws {Problem} `conflict` if the keys were rotated at the same time. */
  async rotate({ claims, credential }: Principal, client: ClientInfo): Promise<SigningKeyItem[]> {
    if (!(await this.rotation.rotate())) {
      throw new Problem('conflict', {
        detail: 'The keys have been rotated at the same moment.',
        reason: 'keys_rotated_meanwhile',
      });
    }
    const { requestId, remoteAddress } = client;
    await this.audit.record({
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
