import { Suspense } from "react";
import { HistoryOverview } from "../../history/history-overview.tsx";

export default function Page() {
  return (
    <Suspense>
      <HistoryOverview />
    </Suspense>
  );
}
