import { DiagnosePage } from "../../diagnose/diagnose-page.tsx";

export default function Page() {
  return <DiagnosePage />;
}
