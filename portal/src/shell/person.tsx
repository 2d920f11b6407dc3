"use client";

import { useState } from "react";
import { OnDemand } from "./on-demand.tsx";
import { PersonButton } from "./person-button.tsx";

const loadPersonMenu = async () => (await import("./person-menu.tsx")).PersonMenu;

/** Who is signed in; the menu behind it is fetched when it is opened for the first time. */
export function Person() {
  const [isAsked, setAsked] = useState(false);
  if (!isAsked) return <PersonButton aria-haspopup="menu" onClick={() => setAsked(true)} />;
  return <OnDemand load={loadPersonMenu}>{PersonMenu => <PersonMenu />}</OnDemand>;
}
