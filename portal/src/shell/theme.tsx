"use client";

import { type Theme, webDarkTheme, webLightTheme } from "@fluentui/react-components";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";

/** What a person chose; `system` follows the machine. Windows high contrast is the browser's own and stands above both. */
export type ThemeChoice = "system" | "light" | "dark";

interface ThemeState {
  readonly theme: Theme;
  readonly choice: ThemeChoice;
  choose(choice: ThemeChoice): void;
}

const KEY = "linkgate.theme";
const ThemeContext = createContext<ThemeState>({ theme: webLightTheme, choice: "system", choose: () => {} });

/** Keeps the chosen theme, on this machine. */
export function ThemeProvider({ children }: { children: (theme: Theme) => ReactNode }) {
  const [choice, setChoice] = useState<ThemeChoice>("system");
  const [isDark, setDark] = useState(false);

  useEffect(() => {
    const stored = localStorage.getItem(KEY);
    if (stored === "light" || stored === "dark") setChoice(stored);
    const query = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => setDark(query.matches);
    follow();
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);

  const state = useMemo<ThemeState>(() => {
    const choose = (next: ThemeChoice) => {
      setChoice(next);
      if (next === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, next);
    };
    const dark = choice === "dark" || (choice === "system" && isDark);
    return { theme: dark ? webDarkTheme : webLightTheme, choice, choose };
  }, [choice, isDark]);

  useEffect(() => {
    document.documentElement.style.colorScheme = state.theme === webDarkTheme ? "dark" : "light";
  }, [state.theme]);

  return <ThemeContext value={state}>{children(state.theme)}</ThemeContext>;
}

/** The theme in force, and how to choose another. */
export function useTheme(): ThemeState {
  return useContext(ThemeContext);
}
