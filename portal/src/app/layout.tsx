import type { Metadata } from "next";
import { headers } from "next/headers";
import type { ReactNode } from "react";
import { readSettings } from "../settings.ts";
import { App } from "../shell/app.tsx";

export const metadata: Metadata = { title: { default: "Linkgate", template: "%s - Linkgate" } };

/** Rendered for each request, because the nonce of its scripts and styles is the request's own. */
export default async function Layout({ children }: { children: ReactNode }) {
  const nonce = (await headers()).get("x-nonce") ?? "";
  return (
    <html lang="en">
      <body>
        <App nonce={nonce} settings={readSettings(process.env)}>
          {children}
        </App>
      </body>
    </html>
  );
}
