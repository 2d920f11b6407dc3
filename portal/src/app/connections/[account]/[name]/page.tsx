import { ConnectionPage } from "../../../../connections/connection-page.tsx";

export default function Page() {
  return <ConnectionPage />;
}
