import { GatesPage } from "../gates/gates-page.tsx";

export default function Page() {
  return <GatesPage />;
}
