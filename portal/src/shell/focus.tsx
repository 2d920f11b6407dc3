"use client";

import { useArrowNavigationGroup } from "@fluentui/react-components";

/**
 * Keeps Fluent's focus library at work for as long as this is there. The library ends with the last component that uses it; where
 * that is a dialog, it ends before it has taken `aria-hidden` back from the page behind, and the page is lost to screen readers.
 */
export function Focus() {
  useArrowNavigationGroup();
  return null;
}
