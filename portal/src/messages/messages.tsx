"use client";

import { type ReactNode, useEffect, useState } from "react";
import { IntlProvider } from "react-intl";
import { en } from "./en.ts";

/** Ids of all texts; a page that names one which is not there does not compile. */
export type MessageId = keyof typeof en;

declare global {
  namespace FormatjsIntl {
    interface Message {
      ids: MessageId;
    }
  }
}

/**
 * The texts, and dates and numbers as the person's browser has them. Servers don't know the browser's locale or time zone:
 * the first paint is English and UTC, as rendered there.
 */
export function MessagesProvider({ children }: { children: ReactNode }) {
  const [place, setPlace] = useState({ locale: "en", timeZone: "UTC" });
  useEffect(() => {
    setPlace({ locale: navigator.language, timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone });
  }, []);
  return (
    <IntlProvider {...place} defaultLocale="en" messages={en} onError={ignoreMissingTranslations}>
      {children}
    </IntlProvider>
  );
}

/** There is one language of texts yet; numbers and dates follow the locale all the same. */
function ignoreMissingTranslations(error: { code: string }): void {
  if (error.code !== "MISSING_DATA") throw error;
}
