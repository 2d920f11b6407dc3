import type { FluentIcon } from "@fluentui/react-icons";
import {
  BuildingRegular,
  DataBarVerticalRegular,
  HistoryRegular,
  HomeRegular,
  PlugConnectedRegular,
  ServerRegular,
  ShieldProhibitedRegular,
  StethoscopeRegular,
} from "@fluentui/react-icons";
import type { MessageId } from "../messages/messages.tsx";

/** A page of the navigation. */
export interface Destination {
  readonly href: string;
  readonly title: MessageId;
  readonly icon: FluentIcon;
}

/** The pages, in the order in which they are shown. */
export const destinations: readonly Destination[] = [
  { href: "/", title: "home.title", icon: HomeRegular },
  { href: "/connections", title: "connections.title", icon: PlugConnectedRegular },
  { href: "/accounts", title: "accounts.title", icon: BuildingRegular },
  { href: "/denials", title: "denials.title", icon: ShieldProhibitedRegular },
  { href: "/traffic", title: "traffic.title", icon: DataBarVerticalRegular },
  { href: "/history", title: "history.title", icon: HistoryRegular },
  { href: "/gates", title: "gates.title", icon: ServerRegular },
  { href: "/diagnose", title: "diagnose.title", icon: StethoscopeRegular },
];

/** The page that a path belongs to: the longest that begins it. */
export function findDestination(path: string): Destination | undefined {
  return destinations
    .filter(({ href }) => path === href || (href !== "/" && path.startsWith(`${href}/`)))
    .toSorted((one, other) => other.href.length - one.href.length)[0];
}
