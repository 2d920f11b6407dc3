import { cleanup, configure } from "@testing-library/react";
import { afterEach, vi } from "vitest";

// What jsdom lacks of a browser, as far as Fluent UI asks for it; nothing, where a test has no document.

if ("document" in globalThis) {
  // Longer than the busiest machine takes, and shorter than a test may: a wait then says what it did not find.
  configure({ asyncUtilTimeout: 60_000 });
  class Unobserving {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  }
  globalThis.ResizeObserver ??= Unobserving;
  globalThis.matchMedia ??= () => Object.assign(new EventTarget(), { matches: false }) as MediaQueryList;
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
    history.replaceState(null, "", "/");
  });
}
