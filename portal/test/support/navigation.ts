import { useSyncExternalStore } from "react";

// Stands in for Next.js's router in tests of components: the URL of the test's own window is all there is to it.

const MOVED = "test:moved";
let parameters: Readonly<Record<string, string>> = {};

/** Shows a URL. @param named what its path has in the places of a page's folder, such as `[account]` */
export function showUrl(url: string, named: Readonly<Record<string, string>> = {}): void {
  parameters = named;
  history.replaceState(null, "", url);
  dispatchEvent(new Event(MOVED));
}

const router = {
  push: (url: string) => move(() => history.pushState(null, "", url)),
  replace: (url: string) => move(() => history.replaceState(null, "", url)),
  back: () => history.back(),
};

function move(act: () => void): void {
  act();
  dispatchEvent(new Event(MOVED));
}

function follow(onMoved: () => void): () => void {
  for (const event of [MOVED, "popstate"]) addEventListener(event, onMoved);
  return () => {
    for (const event of [MOVED, "popstate"]) removeEventListener(event, onMoved);
  };
}

export const useRouter = () => router;
export const usePathname = (): string => useSyncExternalStore(follow, () => location.pathname);
export const useSearchParams = (): URLSearchParams =>
  new URLSearchParams(useSyncExternalStore(follow, () => location.search));
export const useParams = () => parameters;
