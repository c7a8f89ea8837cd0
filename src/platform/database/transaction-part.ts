import type { Transaction } from 'kysely';
import type { Schema } from './database.schema.js';

/** What else belongs to the transaction of a change, such as whether its author may still make it. What it throws undoes the change. */
export type TransactionPart = (transaction: Transaction<Schema>) => Promise<void>;
