"use client";

import { Spinner } from "@fluentui/react-components";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { FormattedMessage } from "react-intl";
import { ProblemBar } from "./problem-bar.tsx";

/** What was read, while it is read, and why it could not be. What was read before stays beside a later problem. */
export function Loaded<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  const { data, error, refetch } = query;
  return (
    <>
      {error === null ? null : <ProblemBar error={error} onRetry={() => void refetch()} />}
      {data !== undefined
        ? children(data)
        : error === null && <Spinner label={<FormattedMessage id="shell.loading" />} />}
    </>
  );
}
