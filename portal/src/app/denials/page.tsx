import { Suspense } from "react";
import { DenialsPage } from "../../denials/denials-page.tsx";

export default function Page() {
  return (
    <Suspense>
      <DenialsPage />
    </Suspense>
  );
}
