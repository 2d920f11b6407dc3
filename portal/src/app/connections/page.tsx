import { Suspense } from "react";
import { ConnectionsPage } from "../../connections/connections-page.tsx";

export default function Page() {
  return (
    <Suspense>
      <ConnectionsPage />
    </Suspense>
  );
}
