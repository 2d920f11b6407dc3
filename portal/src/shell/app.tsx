"use client";

import {
  createDOMRenderer,
  FluentProvider,
  makeStaticStyles,
  RendererProvider,
  renderToStyleElements,
  SSRProvider,
} from "@fluentui/react-components";
import { QueryClientProvider } from "@tanstack/react-query";
import { useServerInsertedHTML } from "next/navigation";
import { type ReactNode, useRef, useState } from "react";
import { LiveQueries } from "../api/live-queries.tsx";
import { createQueryClient } from "../api/queries.ts";
import { FollowDecisions } from "../connections/follow-decisions.tsx";
import { MessagesProvider } from "../messages/messages.tsx";
import { SessionProvider, useSignIn } from "../session/session.tsx";
import type { Settings } from "../settings.ts";
import { Frame } from "./frame.tsx";
import { OnDemandParts } from "./on-demand.tsx";
import { SettingsContext } from "./settings-context.ts";
import { ThemeProvider } from "./theme.tsx";
import { Failed, Opening, Welcome } from "./welcome.tsx";

const useGlobalStyles = makeStaticStyles({ body: { margin: 0 } });

/** Everything around a page: style, language, sign-in, data, frame. @param nonce of this answer's Content Security Policy */
export function App({ nonce, settings, children }: { nonce: string; settings: Settings; children: ReactNode }) {
  const [renderer] = useState(() => createDOMRenderer(undefined, { styleElementAttributes: { nonce } }));
  const isInserted = useRef(false);
  useServerInsertedHTML(() => {
    if (isInserted.current) return null;
    isInserted.current = true;
    return <>{renderToStyleElements(renderer)}</>;
  });
  return (
    <RendererProvider renderer={renderer}>
      <SSRProvider>
        <ThemeProvider>
          {theme => (
            <FluentProvider theme={theme}>
              <MessagesProvider>
                <SettingsContext value={settings}>
                  <Global />
                  <SignedIn settings={settings}>{children}</SignedIn>
                </SettingsContext>
              </MessagesProvider>
            </FluentProvider>
          )}
        </ThemeProvider>
      </SSRProvider>
    </RendererProvider>
  );
}

function Global() {
  useGlobalStyles();
  return null;
}

function SignedIn({ settings, children }: { settings: Settings; children: ReactNode }) {
  const state = useSignIn(settings);
  const [queries] = useState(createQueryClient);
  switch (state.kind) {
    case "opening":
      return <Opening />;
    case "failed":
      return <Failed error={state.error} />;
    case "nobody":
      return <Welcome onSignIn={state.signIn} />;
    case "person":
      return (
        <SessionProvider session={state.session}>
          <QueryClientProvider client={queries}>
            <LiveQueries>
              <OnDemandParts>
                <FollowDecisions>
                  <Frame>{children}</Frame>
                </FollowDecisions>
              </OnDemandParts>
            </LiveQueries>
          </QueryClientProvider>
        </SessionProvider>
      );
  }
}
