import { AccountPage } from "../../../accounts/account-page.tsx";

export default function Page() {
  return <AccountPage />;
}
