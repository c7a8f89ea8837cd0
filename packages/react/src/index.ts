/** The entry point of `@vestibule-auth/react`: the session of a page on the gateway's origin, for React. */
import { type Client, type Session, createClient } from '@vestibule-auth/browser';
import {
  type ReactNode,
  type SyntheticEvent,
  createContext,
  createElement,
  useContext,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from 'react';

/** What can be done with the session. */
export interface SessionActs extends Pick<Client, 'token'> {
  /** Sends the browser to log in, and back. @param returnTo as of {@link Client.login}; an event counts as none: `onClick={login}`. */
  login(returnTo?: string | SyntheticEvent): void;
  /** Ends the session. @param returnTo as of {@link Client.logout}; an event counts as none: `onClick={logout}`. */
  logout(returnTo?: string | SyntheticEvent): Promise<void>;
}

/** What {@link useSession} returns. */
export type SessionState = SessionActs &
  (
    | { readonly status: 'loading'; readonly session: undefined }
    | { readonly status: 'unreachable'; readonly session: undefined }
    | { readonly status: 'logged-out'; readonly session: undefined }
    | { readonly status: 'logged-in'; readonly session: Session }
  );

export interface VestibuleProviderProps {
  /** Default: one for the page. */
  readonly client?: Client;
  readonly children?: ReactNode;
}

interface Shared {
  readonly client: Client;
  readonly isUnreachable: boolean;
}

const Context = createContext<Shared | undefined>(undefined);

let shared: Client | undefined;

/** The client of this page; there is none where pages are rendered on a server. */
function clientOfPage(): Client | undefined {
  return typeof document === 'undefined' ? undefined : (shared ??= createClient());
}

/** Asks for the session once, and gives it to every {@link useSession} below. */
export function VestibuleProvider({ client: given, children }: VestibuleProviderProps): ReactNode {
  const client = given ?? clientOfPage();
  const [isUnreachable, setUnreachable] = useState(false);
  useEffect(() => {
    setUnreachable(false);
    client?.session().catch(() => setUnreachable(true));
  }, [client]);
  const value = useMemo(
    () => (client === undefined ? undefined : { client, isUnreachable }),
    [client, isUnreachable],
  );
  return createElement(Context.Provider, { value }, children);
}

const never = (): (() => void) => () => undefined;

/** The session of the page, and what can be done with it. Below a {@link VestibuleProvider}. */
export function useSession(): SessionState {
  const shared = useContext(Context);
  const client = shared?.client;
  const session = useSyncExternalStore(
    client === undefined ? never : (listener) => client.subscribe(listener),
    () => (client === undefined ? null : client.current),
    () => null,
  );
  return useMemo(() => {
    const acts: SessionActs = {
      login: (returnTo) => client?.login(pathIn(returnTo)),
      logout: async (returnTo) => client?.logout(pathIn(returnTo)),
      token: async (options) => client?.token(options),
    };
    if (session === null) {
      return {
        ...acts,
        status: shared?.isUnreachable === true ? 'unreachable' : 'loading',
        session: undefined,
      };
    }
    return session === undefined
      ? { ...acts, status: 'logged-out', session }
      : { ...acts, status: 'logged-in', session };
  }, [client, session, shared?.isUnreachable]);
}

function pathIn(returnTo: string | SyntheticEvent | undefined): string | undefined {
  return typeof returnTo === 'string' ? returnTo : undefined;
}
