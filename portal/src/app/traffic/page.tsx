import { Suspense } from "react";
import { TrafficPage } from "../../traffic/traffic-page.tsx";

export default function Page() {
  return (
    <Suspense>
      <TrafficPage />
    </Suspense>
  );
}
