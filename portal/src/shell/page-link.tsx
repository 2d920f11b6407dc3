"use client";

import { Link } from "@fluentui/react-components";
import { useRouter } from "next/navigation";
import type { MouseEvent, ReactNode } from "react";

/** A link to another page of the portal, in Fluent's style, without loading everything anew. */
export function PageLink({ href, children }: { href: string; children: ReactNode }) {
  const router = useRouter();
  const go = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    router.push(href);
  };
  return (
    <Link href={href} inline onClick={go}>
      {children}
    </Link>
  );
}
