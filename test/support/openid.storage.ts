import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';

/** Memory of one provider: the package's own is shared by all providers of a process. */
export function openIdStorage(): AdapterFactory {
  const models = new Map<string, Map<string, AdapterPayload>>();
  return (name) => {
    const records = models.get(name) ?? new Map<string, AdapterPayload>();
    models.set(name, records);
    const findBy = (key: 'uid' | 'userCode', value: string): AdapterPayload | undefined =>
      [...records.values()].find((payload) => payload[key] === value);
    const adapter: Adapter = {
      upsert: async (id, payload) => void records.set(id, payload),
      find: async (id) => records.get(id),
      findByUid: async (uid) => findBy('uid', uid),
      findByUserCode: async (userCode) => findBy('userCode', userCode),
      consume: async (id) => {
        const payload = records.get(id);
        if (payload !== undefined) {
          payload.consumed = Math.floor(Date.now() / 1000);
        }
      },
      destroy: async (id) => void records.delete(id),
      revokeByGrantId: async (grantId) => {
        for (const [id, payload] of records) {
          if (payload.grantId === grantId) {
            records.delete(id);
          }
        }
      },
    };
    return adapter;
  };
}
