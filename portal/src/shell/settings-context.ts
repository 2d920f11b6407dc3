"use client";

import { createContext, useContext } from "react";
import type { Settings } from "../settings.ts";

export const SettingsContext = createContext<Settings | undefined>(undefined);

/** What the portal was told when it was started. */
export function useSettings(): Settings {
  const settings = useContext(SettingsContext);
  if (settings === undefined) throw new Error("there are no settings here");
  return settings;
}
