"use client";

import { useEffect } from "react";
import { useIntl } from "react-intl";
import { Problem } from "../api/problem.ts";
import { PageHeader } from "../shell/page-header.tsx";
import { ProblemBar } from "../shell/problem-bar.tsx";

/** In a page's place when its own code failed. What failed goes to the console; nobody is shown it. */
export default function ErrorPage({ error, reset }: { error: Error; reset: () => void }) {
  const { formatMessage } = useIntl();
  useEffect(() => console.error(error), [error]);
  return (
    <>
      <PageHeader title={formatMessage({ id: "problem.fault.title" })} />
      <ProblemBar error={new Problem(0, "PortalFault", formatMessage({ id: "problem.fault" }), "")} onRetry={reset} />
    </>
  );
}
