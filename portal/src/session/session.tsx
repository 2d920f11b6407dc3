"use client";

import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import type { Settings } from "../settings.ts";
import { openSignIn, type Person, SessionEnded, type SignIn } from "./sign-in.ts";

/** How far the sign-in is, and who is there. */
export type SessionState =
  | { readonly kind: "opening" }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "nobody"; signIn(): Promise<void> }
  | { readonly kind: "person"; readonly session: Session };

/** A person's session. */
export interface Session {
  readonly person: Person;
  /** True once there is no token that the API takes. The page stays; what is asked for fails until {@link signIn}. */
  readonly hasEnded: boolean;
  /** @throws SessionEnded */
  getToken(): Promise<string>;
  /** The API takes the token no longer, whatever the sign-in authority thinks of it. */
  end(): void;
  signIn(): Promise<void>;
  signOut(): Promise<void>;
}

const SessionContext = createContext<Session | undefined>(undefined);

/** Gives everything below it the session. */
export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  return <SessionContext value={session}>{children}</SessionContext>;
}

/** The session of whoever is signed in. @throws Error outside of a {@link SessionProvider} */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error("there is no session here");
  return session;
}

/** Opens the sign-in once for this page load. */
export function useSignIn(settings: Settings, open: typeof openSignIn = openSignIn): SessionState {
  const [signIn, setSignIn] = useState<SignIn>();
  const [error, setError] = useState<unknown>();
  const [hasEnded, setEnded] = useState(false);
  const opened = useRef(false);

  useEffect(() => {
    // React runs effects twice in development; an answer of the authority can be redeemed once.
    if (opened.current) return;
    opened.current = true;
    open(settings).then(setSignIn, setError);
  }, [open, settings]);

  return useMemo<SessionState>(() => {
    if (error !== undefined) return { kind: "failed", error };
    if (signIn === undefined) return { kind: "opening" };
    const { person } = signIn;
    if (person === undefined) return { kind: "nobody", signIn: () => signIn.signIn() };
    const getToken = (): Promise<string> =>
      signIn.getToken().catch((reason: unknown) => {
        if (reason instanceof SessionEnded) setEnded(true);
        throw reason;
      });
    const end = () => setEnded(true);
    const { signIn: again, signOut } = signIn;
    return { kind: "person", session: { person, hasEnded, getToken, end, signIn: again, signOut } };
  }, [signIn, error, hasEnded]);
}
