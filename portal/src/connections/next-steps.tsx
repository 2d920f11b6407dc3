"use client";

import { makeStyles, Text, tokens } from "@fluentui/react-components";
import type { AccountView, ConnectionView } from "@linkgate/api/spec";
import { FormattedMessage } from "react-intl";
import type { MessageId } from "../messages/messages.tsx";
import { CopyButton } from "../shell/copy-button.tsx";
import { nameOfResource } from "./endpoint-name.ts";

const useStyles = makeStyles({
  list: { margin: 0, paddingInlineStart: tokens.spacingHorizontalXL },
  item: { marginBottom: tokens.spacingVerticalM },
  code: {
    display: "block",
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
    padding: tokens.spacingHorizontalS,
    marginTop: tokens.spacingVerticalXS,
    fontFamily: tokens.fontFamilyMonospace,
    backgroundColor: tokens.colorNeutralBackground3,
    borderRadius: tokens.borderRadiusMedium,
  },
});

/** What the owner of the private endpoint does next, in words and as commands to copy. */
export function NextSteps({ account, connection }: { account: AccountView; connection: ConnectionView }) {
  const styles = useStyles();
  const publicHost = account.publicHosts[0] ?? "";
  const privateZone = (account.privateHosts[0] ?? "").replace(`${account.account}.`, "");
  const { group, name } = placeOf(connection.privateEndpoint.id);
  const steps: readonly { title: MessageId; command: string }[] = [
    {
      title: "nextSteps.zone",
      command: [
        `az network private-dns zone create --resource-group ${quote(group)} --name ${quote(privateZone)}`,
        `az network private-endpoint dns-zone-group create --resource-group ${quote(group)} --endpoint-name ${quote(name)} \\`,
        `  --name default --zone-name fhir --private-dns-zone ${quote(privateZone)}`,
      ].join("\n"),
    },
    { title: "nextSteps.resolve", command: `nslookup ${quote(publicHost)}` },
    {
      title: "nextSteps.prove",
      command: `curl --include https://${publicHost}/metadata`,
    },
  ];
  return (
    <ol className={styles.list}>
      {steps.map(({ title, command }) => (
        <li key={title} className={styles.item}>
          <Text>
            <FormattedMessage
              id={title}
              values={{ host: publicHost, addresses: connection.privateAddresses.join(", "), zone: privateZone }}
            />
          </Text>
          <CopyButton text={command} what="nextSteps.copy" />
          <code className={styles.code}>{command}</code>
        </li>
      ))}
    </ol>
  );
}

function placeOf(id: string): { group: string; name: string } {
  return { group: /\/resourceGroups\/([^/]+)/i.exec(id)?.[1] ?? "", name: nameOfResource(id) };
}

/** For a shell. Another customer wrote these names: whatever is no plain word is quoted, and quotes within are, too. */
export function quote(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
